import { describe, expect, it } from '@jest/globals';
import { fingerprintOf, type RequestShape } from './fingerprint.js';

const request: RequestShape = {
  method: 'POST',
  path: '/api/v1/files',
  query: { name: 'a' },
  apiKeyId: 'key-1',
  headers: { 'content-type': 'application/json' },
  body: { a: 1 },
};
const of = (change: Partial<RequestShape>): string =>
  fingerprintOf({ ...request, ...change }).toString('hex');

describe('the fingerprint of a request', () => {
  it('is 32 bytes and the same for the same request', () => {
    expect(fingerprintOf(request)).toHaveLength(32);
    expect(of({})).toBe(of({}));
  });

  it.each<[string, Partial<RequestShape>]>([
    ['method', { method: 'PUT' }],
    ['path', { path: '/api/v1/files/1' }],
    ['query', { query: { name: 'b' } }],
    ['API key', { apiKeyId: 'key-2' }],
    ['body', { body: { a: 2 } }],
    ['absence of a body', { body: undefined }],
    ['precondition', { headers: { ...request.headers, 'if-match': '"1"' } }],
  ])('changes with the %s', (_, change) => {
    expect(of(change)).not.toBe(of({}));
  });

  const upload = {
    body: undefined,
    headers: { 'content-type': 'multipart/form-data; boundary=one', 'content-length': '10' },
  };

  it('does not change with the boundary that a client draws for each attempt', () => {
    const again = {
      ...upload,
      headers: { ...upload.headers, 'content-type': 'multipart/form-data; boundary="two"' },
    };
    expect(of(again)).toBe(of(upload));
  });

  it.each([
    { 'content-length': '11' },
    { 'content-type': 'application/octet-stream' },
    { 'content-digest': 'sha-256=:abc:' },
  ])('changes with what is known of a streamed body: %j', (headers) => {
    expect(of({ ...upload, headers: { ...upload.headers, ...headers } })).not.toBe(of(upload));
  });
});
