import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ScriptedS3 } from '../../../../test/support/scripted-s3.js';
import type { ObjectStorage } from '../../storage-provider.js';

const XML = '<?xml version="1.0" encoding="UTF-8"?>';
const PROTOCOL_ERROR = { code: 'provider_error', providerCode: 'PROVIDER_PROTOCOL_ERROR', retryable: false };

const entry = (key: string, more = '<Size>3</Size><ETag>"e"</ETag>') =>
  `<Contents><Key>${key}</Key><LastModified>2026-11-22T07:00:00.000Z</LastModified>${more}</Contents>`;
const listing = (inside: string) => `${XML}<ListBucketResult>${inside}</ListBucketResult>`;
const complete = (inside = '') => listing(`<Name>box</Name><IsTruncated>false</IsTruncated>${inside}`);

let server: ScriptedS3;
let storage: ObjectStorage;

beforeEach(async () => {
  server = await ScriptedS3.start();
  storage = server.open();
});
afterEach(() => server.stop());

describe('listPage', () => {
  it('answers a page and where it goes on', async () => {
    server.always(
      200,
      {},
      listing(
        `<Name>box</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated>` +
          `<NextContinuationToken>1/a+b=</NextContinuationToken>${entry('p/a')}${entry('p/b &amp; c')}`,
      ),
    );
    await expect(storage.listPage({ prefix: 'p/', limit: 2, cursor: 'to+ken/=' })).resolves.toEqual({
      objects: ['p/a', 'p/b & c'].map((key) => ({
        key,
        sizeBytes: 3,
        etag: 'e',
        lastModified: new Date('2026-11-22T07:00:00Z'),
      })),
      nextCursor: '1/a+b=',
    });
    const url = new URL(server.seen[0]?.url ?? '', 'http://s3');
    expect(url.pathname).toBe('/box/');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      'list-type': '2',
      'max-keys': '2',
      'encoding-type': 'url',
      prefix: 'p/',
      'continuation-token': 'to+ken/=',
    });
  });

  it('decodes names only when the answer says that they are encoded', async () => {
    server.always(200, {}, complete(`<EncodingType>url</EncodingType>${entry('a+b%2Bc%20%25%C3%BC/x')}`));
    expect((await storage.listPage({ prefix: '' })).objects[0]?.key).toBe('a b+c %ü/x');
    server.always(200, {}, complete(entry('a+b%2Bc')));
    expect((await storage.listPage({ prefix: '' })).objects[0]?.key).toBe('a+b%2Bc');
  });

  it('takes an empty listing that says so', async () => {
    server.always(200, {}, complete('<KeyCount>0</KeyCount>'));
    await expect(storage.listPage({ prefix: 'p/' })).resolves.toEqual({ objects: [] });
  });

  it.each([
    ['a web page', '<html><body>Welcome</body></html>'],
    ['nothing', ''],
    ['another document', `${XML}<ListAllMyBucketsResult></ListAllMyBucketsResult>`],
    ['a document that breaks off', complete(entry('p/a')).slice(0, -30)],
    ['no bucket name', listing('<IsTruncated>false</IsTruncated>')],
    ['another bucket', listing('<Name>other</Name><IsTruncated>false</IsTruncated>')],
    ['no word about completeness', listing('<Name>box</Name>')],
    ['an odd word about completeness', listing('<Name>box</Name><IsTruncated>maybe</IsTruncated>')],
    ['more without a token', listing('<Name>box</Name><IsTruncated>true</IsTruncated>')],
    ['a token without more', complete('<NextContinuationToken>t</NextContinuationToken>')],
    ['a wrong count', complete(`<KeyCount>2</KeyCount>${entry('p/a')}`)],
    ['an entry without a size', complete(entry('p/a', '<ETag>"e"</ETag>'))],
    ['a negative size', complete(entry('p/a', '<Size>-1</Size><ETag>"e"</ETag>'))],
    ['an entry without an ETag', complete(entry('p/a', '<Size>1</Size>'))],
    ['a date that is none', complete(entry('p/a').replace(/2026-[^<]+/, 'yesterday'))],
    ['a name that cannot be decoded', complete(`<EncodingType>url</EncodingType>${entry('p/%ZZ')}`)],
    ['more than was asked for', complete(Array.from({ length: 1_001 }, (_, n) => entry(`p/${n}`)).join(''))],
  ])('refuses %s', async (_what, body) => {
    server.always(200, {}, body);
    await expect(storage.listPage({ prefix: 'p/' })).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it('reads no more than its bound', async () => {
    server.always(200, {}, `${XML}<ListBucketResult>${' '.repeat(17 * 1024 * 1024)}</ListBucketResult>`);
    await expect(storage.listPage({ prefix: '' })).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it('expands no entities', async () => {
    const bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>';
    server.always(200, {}, XML + bomb + complete(entry('p/&b;')).slice(XML.length));
    await expect(storage.listPage({ prefix: '' })).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it('takes an error for an error, whatever its status', async () => {
    const denied = `${XML}<Error><Code>AccessDenied</Code></Error>`;
    for (const status of [200, 403]) {
      server.always(status, {}, denied);
      await expect(storage.listPage({ prefix: '' })).rejects.toMatchObject({
        code: 'access_denied',
        permission: 's3:ListBucket',
      });
    }
  });

  it('leaves no trace of the SDK in its errors and can be aborted', async () => {
    server.always(503, { 'retry-after': '2' }, `${XML}<Error><Code>SlowDown</Code></Error>`);
    const error: unknown = await storage.listPage({ prefix: '' }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'storage_rate_limited', retryAfterMs: 2_000 });
    expect(Object.keys(error as object)).not.toContain('$metadata');
    expect(server.seen).toHaveLength(1);
    server.script = () => undefined;
    const aborted = storage.listPage({ prefix: '', signal: AbortSignal.timeout(50) });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
  });
});
