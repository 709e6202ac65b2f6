import { describe, expect, it } from '@jest/globals';
import { type ContentRequest, planContent, servedFile } from './content-headers.js';
import type { FileRecord } from './file-reads.js';

const checksum = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const file: FileRecord = {
  id: 5,
  filename: 'ä "quoted".html',
  sizeBytes: 100,
  contentType: 'text/html; charset=utf-8',
  checksum,
  crc32: 1,
  objectKey: 'f/x/y',
  configId: 1,
  version: 2,
  uploadedAt: new Date('2026-11-22T10:15:30.700Z'),
};
const plain: ContentRequest = {
  range: undefined,
  ifRange: undefined,
  ifMatch: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
};
const plan = (request: Partial<ContentRequest>, of: FileRecord = file) =>
  planContent(servedFile(of), { ...plain, ...request });

describe('planContent', () => {
  it('gives a whole file with everything that keeps browsers from running it', () => {
    expect(plan({})).toEqual({
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': 100,
        'content-disposition': `attachment; filename="? \\"quoted\\".html"; filename*=UTF-8''%C3%A4%20%22quoted%22.html`,
        'content-security-policy': expect.stringContaining('sandbox'),
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
        'accept-ranges': 'bytes',
        'cache-control': 'private, no-cache',
        etag: `"${checksum}"`,
        'last-modified': 'Sun, 22 Nov 2026 10:15:30 GMT',
        'repr-digest': 'sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:',
      },
    });
  });

  it.each([
    ['video/mp4', 'inline', true],
    ['audio/mpeg; x=1', 'inline', true],
    ['video/mp4', 'attachment', false],
    ['text/plain', 'inline', false],
    ['text/html', 'inline', false],
  ] as const)('lets %s, %s, be fetched by a player: %s', (contentType, disposition, isPlayed) => {
    const served = servedFile({ ...file, contentType }, { disposition });
    for (const ifNoneMatch of [undefined, `"${checksum}"`]) {
      const policy = String(
        planContent(served, { ...plain, ifNoneMatch }).headers['content-security-policy'],
      );
      expect(policy).toMatch(/^sandbox(?: allow-same-origin)?; default-src 'none'/);
      expect(policy.includes("allow-same-origin; default-src 'none'; media-src 'self'")).toBe(isPlayed);
    }
  });

  it('gives a range', () => {
    expect(plan({ range: 'bytes=-10' })).toMatchObject({
      status: 206,
      headers: { 'content-range': 'bytes 90-99/100', 'content-length': 10 },
      range: { start: 90, end: 99 },
    });
    expect(plan({ range: 'bytes=100-' })).toEqual({
      status: 416,
      headers: { 'content-range': 'bytes */100' },
    });
  });

  it.each([
    [`"${checksum}"`, 206],
    [`W/"${checksum}"`, 200],
    ['"other"', 200],
    ['Sun, 22 Nov 2026 10:15:30 GMT', 206],
    ['Sun, 22 Nov 2026 10:15:31 GMT', 200],
    ['nonsense', 200],
  ])('heeds Range with If-Range %s by %i', (ifRange, status) => {
    expect(plan({ range: 'bytes=0-0', ifRange })).toMatchObject({ status });
  });

  it.each([
    [{ ifNoneMatch: `"${checksum}"` }, 304],
    [{ ifNoneMatch: `"a", W/"${checksum}"` }, 304],
    [{ ifNoneMatch: '*' }, 304],
    [{ ifNoneMatch: '"other"' }, 200],
    [{ ifModifiedSince: 'Sun, 22 Nov 2026 10:15:30 GMT' }, 304],
    [{ ifModifiedSince: 'Sun, 22 Nov 2026 10:15:29 GMT' }, 200],
    [{ ifModifiedSince: 'nonsense' }, 200],
    [{ ifNoneMatch: '"other"', ifModifiedSince: 'Sun, 22 Nov 2026 10:15:30 GMT' }, 200],
    [{ ifNoneMatch: `"${checksum}"`, range: 'bytes=0-0' }, 304],
  ])('answers %j with %i', (request, status) => {
    expect(plan(request)).toMatchObject({ status });
  });

  it('refuses another state than If-Match names', () => {
    expect(() => plan({ ifMatch: '"other"' })).toThrow(
      expect.objectContaining({ code: 'precondition_failed' }),
    );
    expect(plan({ ifMatch: `"${checksum}"` }).status).toBe(200);
  });

  it('has an ETag for a file without a checksum', () => {
    const { headers } = plan({}, { ...file, checksum: undefined });
    expect(headers.etag).toBe('"file-5-2"');
    expect(headers).not.toHaveProperty('repr-digest');
  });
});
