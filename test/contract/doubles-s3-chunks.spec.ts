import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendRaw, type RawAnswer } from '../support/send-raw.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';

/*
 * The two worked examples of Amazon's documentation, byte for byte: "Signature calculations for the Authorization
 * header: transferring payload in multiple chunks" and "... including trailing headers". Nothing here was computed
 * by our own code.
 */
const ACCESS_KEY = 'AKIAIOSFODNN7EXAMPLE';
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const DATA = Buffer.alloc(65_536 + 1024, 'a');

interface Example {
  readonly form: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly chunkSignatures: readonly [string, string, string];
  readonly headers: Readonly<Record<string, string>>;
  readonly trailer: string;
}

const CHUNKED: Example = {
  form: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  signedHeaders:
    'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
  signature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  chunkSignatures: [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ],
  headers: { 'content-length': '66824' },
  trailer: '\r\n',
};

const TRAILED: Example = {
  form: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  signedHeaders:
    'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
  signature: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  chunkSignatures: [
    'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
    '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
    '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
  ],
  headers: { 'transfer-encoding': 'chunked', 'x-amz-trailer': 'x-amz-checksum-crc32c' },
  trailer:
    'x-amz-checksum-crc32c:sOO8/Q==\r\n' +
    'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n',
};

function bodyOf({ chunkSignatures: [first, second, last], trailer }: Example): Buffer {
  return Buffer.concat([
    Buffer.from(`10000;chunk-signature=${first}\r\n`),
    DATA.subarray(0, 65_536),
    Buffer.from(`\r\n400;chunk-signature=${second}\r\n`),
    DATA.subarray(65_536),
    Buffer.from(`\r\n0;chunk-signature=${last}\r\n${trailer}`),
  ]);
}

describe('signed chunks at the S3 double, in Amazon’s own examples', () => {
  let double: S3Double;

  beforeAll(async () => {
    double = await startS3Double({
      region: 'us-east-1',
      buckets: ['examplebucket'],
      users: [{ name: 'example', accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY }],
      now: () => Date.UTC(2013, 4, 24),
    });
  });

  afterAll(() => double.stop());

  function send(example: Example, body: Buffer): Promise<RawAnswer> {
    const headers = {
      host: 's3.amazonaws.com',
      'content-encoding': 'aws-chunked',
      'x-amz-date': '20130524T000000Z',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': example.form,
      'x-amz-decoded-content-length': '66560',
      ...example.headers,
      authorization: `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${example.signedHeaders},Signature=${example.signature}`,
    };
    return sendRaw(double.port, 'PUT', '/examplebucket/chunkObject.txt', headers, body);
  }

  for (const example of [CHUNKED, TRAILED]) {
    describe(example.form, () => {
      it('is accepted as documented', async () => {
        expect(await send(example, bodyOf(example))).toMatchObject({ status: 200, text: '' });
        expect(double.store.find('examplebucket', 'chunkObject.txt')?.sizeBytes).toBe(66_560);
      });

      it('is refused with one changed byte', async () => {
        const body = bodyOf(example);
        body[1000] = 'b'.charCodeAt(0);
        expect((await send(example, body)).text).toContain('<Code>SignatureDoesNotMatch</Code>');
      });

      it('is refused with its chunks exchanged', async () => {
        const [first, second, last] = example.chunkSignatures;
        const body = bodyOf({ ...example, chunkSignatures: [second, first, last] });
        expect((await send(example, body)).text).toContain('<Code>SignatureDoesNotMatch</Code>');
      });
    });
  }

  it('refuses a trailer whose signature is another', async () => {
    const forged = { ...TRAILED, trailer: TRAILED.trailer.replace('d81f', 'e81f') };
    expect((await send(forged, bodyOf(forged))).text).toContain('<Code>SignatureDoesNotMatch</Code>');
  });
});
