import { describe, expect, it } from '@jest/globals';
import { addressOf, encodeKey } from './s3-address.js';
import { S3Signer, UNSIGNED_PAYLOAD } from './s3-signer.js';

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** The example account of the AWS documentation, whose signatures are published. */
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const signer = new S3Signer(credentials, 'us-east-1', 'examplebucket.s3.amazonaws.com', () =>
  Date.parse('2013-05-24T00:00:00Z'),
);

const signatureOf = (headers: Record<string, string>) =>
  /Signature=(\w+)/.exec(headers.authorization ?? '')?.[1];

describe("AWS's published examples", () => {
  it('signs a PUT with headers', () => {
    const headers = { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' };
    const payloadHash = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';
    const signed = signer.sign({ method: 'PUT', path: '/test%24file.text', headers }, payloadHash);
    expect(signatureOf(signed)).toBe('98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd');
    expect(signed.authorization).toContain(
      'Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
        'SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    );
  });

  it('signs a query without a value', () => {
    const signed = signer.sign({ method: 'GET', path: '/?lifecycle', headers: {} }, EMPTY_SHA256);
    expect(signatureOf(signed)).toBe('fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543');
  });

  it('signs a listing', () => {
    const signed = signer.sign({ method: 'GET', path: '/?max-keys=2&prefix=J', headers: {} }, EMPTY_SHA256);
    expect(signatureOf(signed)).toBe('34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7');
  });

  it('signs a URL', () => {
    const path = signer.presign({ method: 'GET', path: '/test.txt', headers: {} }, 86_400);
    const query = new URL(path, 'https://examplebucket.s3.amazonaws.com').searchParams;
    expect(query.get('X-Amz-Signature')).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
    expect(query.get('X-Amz-SignedHeaders')).toBe('host');
    expect(query.get('X-Amz-Date')).toBe('20130524T000000Z');
  });
});

describe('S3Signer', () => {
  it('follows the clock over midnight and back', () => {
    let now = Date.parse('2026-11-22T23:59:59.900Z');
    const clocked = new S3Signer(credentials, 'us-east-1', 'host', () => now);
    const sign = () => clocked.sign({ method: 'GET', path: '/', headers: {} }, UNSIGNED_PAYLOAD);
    const before = sign();
    now += 200;
    const after = sign();
    now -= 200;
    expect(before['x-amz-date']).toBe('20261122T235959Z');
    expect(after['x-amz-date']).toBe('20261123T000000Z');
    expect(after.authorization).toContain('/20261123/us-east-1/s3/');
    expect(sign()).toEqual(before);
  });

  it('does not carry one key over to another account', () => {
    const other = new S3Signer({ ...credentials, secretAccessKey: 'other' }, 'us-east-1', 'host', () => 0);
    const same = new S3Signer(credentials, 'us-east-1', 'host', () => 0);
    const request = { method: 'GET', path: '/', headers: {} };
    expect(other.sign(request, UNSIGNED_PAYLOAD)).not.toEqual(same.sign(request, UNSIGNED_PAYLOAD));
  });

  it('has lower-case header names only, because undici and S3 compare them', () => {
    const signed = signer.sign(
      { method: 'PUT', path: '/k', headers: { 'content-md5': 'x' } },
      UNSIGNED_PAYLOAD,
    );
    expect(Object.keys(signed).filter((name) => name !== name.toLowerCase())).toEqual([]);
  });

  it('signs the headers that bind a body instead of moving them into the query', () => {
    const headers = { 'content-length': '3', 'if-none-match': '*', 'x-amz-checksum-sha256': 'abc=' };
    const path = signer.presign({ method: 'PUT', path: '/k', headers }, 60);
    expect(new URL(path, 'https://h').searchParams.get('X-Amz-SignedHeaders')).toBe(
      'content-length;host;if-none-match;x-amz-checksum-sha256',
    );
    expect(path).not.toContain('abc');
  });
});

describe('encodeKey', () => {
  it.each([
    ['plain/key-1.2_3~', 'plain/key-1.2_3~'],
    ['with space', 'with%20space'],
    ['plus+plus', 'plus%2Bplus'],
    ['100%25', '100%2525'],
    ["quo'te(par)!*", 'quo%27te%28par%29%21%2A'],
    ['ü/日', '%C3%BC/%E6%97%A5'],
    ['a=b&c?d#e;f:g@h,i$j', 'a%3Db%26c%3Fd%23e%3Bf%3Ag%40h%2Ci%24j'],
  ])('encodes %s once', (key, encoded) => {
    expect(encodeKey(key)).toBe(encoded);
  });
});

describe('addressOf', () => {
  it.each([
    [
      'https://s3.eu-west-1.amazonaws.com',
      'bucket',
      'virtual',
      'https://bucket.s3.eu-west-1.amazonaws.com',
      '',
    ],
    [
      'https://s3.eu-west-1.amazonaws.com',
      'dot.ted',
      'virtual',
      'https://s3.eu-west-1.amazonaws.com',
      '/dot.ted',
    ],
    ['http://127.0.0.1:9000', 'bucket', 'path', 'http://127.0.0.1:9000', '/bucket'],
    ['http://127.0.0.1:9000', 'bucket', 'virtual', 'http://127.0.0.1:9000', '/bucket'],
    ['https://[::1]:9000/', 'b', 'virtual', 'https://[::1]:9000', '/b'],
    ['https://host/storage/v1/s3/', 'b', 'path', 'https://host', '/storage/v1/s3/b'],
    ['https://host/', 'Odd Bücket', 'virtual', 'https://host', '/Odd%20B%C3%BCcket'],
    ['https://host/', 'evil.example/#', 'virtual', 'https://host', '/evil.example/%23'],
  ] as const)('%s with %s (%s) is %s%s', (endpoint, bucket, addressing, origin, basePath) => {
    expect(addressOf(new URL(endpoint), bucket, addressing)).toMatchObject({ origin, basePath });
  });
});
