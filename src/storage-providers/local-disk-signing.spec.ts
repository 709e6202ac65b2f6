import { beforeEach, describe, expect, it } from '@jest/globals';
import { LOCAL_OBJECTS_PATH, createLocalDiskUrls, type LocalDiskSigner } from './local-disk-signing.js';

const SECRET = Buffer.alloc(32, 1);
const KEY = 'stowage/f/1/é😀 "x".txt';

let nowMs: number;
let urls: LocalDiskSigner;

const make = (...secrets: Buffer[]) =>
  createLocalDiskUrls({ secrets, baseUrl: 'https://stowage.example.org/', now: () => nowMs });
const tokenOf = ({ url }: { url: string }) => url.slice(url.lastIndexOf('/') + 1);

beforeEach(() => {
  nowMs = Date.UTC(2026, 10, 22, 6, 30, 0, 999);
  urls = make(SECRET);
});

describe('signed URLs of local_disk', () => {
  it('carry a download with the headers of its answer', () => {
    const options = { expiresInSeconds: 60, contentType: 'text/plain', contentDisposition: 'attachment' };
    const signed = urls.sign('GET', '7/demo', KEY, options, '7');
    expect(signed.url.startsWith(`https://stowage.example.org${LOCAL_OBJECTS_PATH}/`)).toBe(true);
    expect(new URL(signed.url).href).toBe(signed.url);
    expect(signed).toMatchObject({ method: 'GET', headers: {}, expiresAt: new Date('2026-11-22T06:31:00Z') });
    expect(urls.verify('GET', tokenOf(signed))).toEqual({
      ok: true,
      grant: {
        method: 'GET',
        bucketPath: '7/demo',
        key: KEY,
        tenant: '7',
        expiresAtMs: Date.UTC(2026, 10, 22, 6, 31),
        contentType: 'text/plain',
        contentDisposition: 'attachment',
        sizeBytes: undefined,
        createOnly: false,
        md5: undefined,
        sha256: undefined,
      },
    });
  });

  it('carry an upload with everything that binds it', () => {
    const bound = { sizeBytes: 0, createOnly: true, md5: Buffer.alloc(16, 1), sha256: Buffer.alloc(32, 2) };
    const verdict = urls.verify(
      'PUT',
      tokenOf(urls.sign('PUT', 'demo', 'k', { expiresInSeconds: 60, ...bound })),
    );
    expect(verdict).toMatchObject({ ok: true, grant: { method: 'PUT', tenant: undefined, ...bound } });
  });

  it('end at their time and live seven days at most', () => {
    const token = tokenOf(urls.sign('GET', 'demo', 'k', { expiresInSeconds: 60 }));
    nowMs = Date.UTC(2026, 10, 22, 6, 30, 59, 999);
    expect(urls.verify('GET', token)).toMatchObject({ ok: true });
    nowMs += 1;
    expect(urls.verify('GET', token)).toEqual({ ok: false, reason: 'expired' });
    const { expiresAt } = urls.sign('GET', 'demo', 'k', { expiresInSeconds: 1e12 });
    expect(expiresAt).toEqual(new Date('2026-11-29T06:31:00Z'));
  });

  it('do one thing: a download is no upload, and nothing is a delete', () => {
    const get = tokenOf(urls.sign('GET', 'demo', 'k', { expiresInSeconds: 60 }));
    const put = tokenOf(urls.sign('PUT', 'demo', 'k', { expiresInSeconds: 60, sizeBytes: 1 }));
    expect(urls.verify('HEAD', get)).toMatchObject({ ok: true });
    for (const [method, token] of [
      ['PUT', get],
      ['DELETE', get],
      ['POST', put],
      ['GET', put],
      ['HEAD', put],
      ['get', get],
    ] as const) {
      expect(urls.verify(method, token)).toEqual({ ok: false, reason: 'wrong_method' });
    }
  });

  it('are refused after any change of any character', () => {
    const token = tokenOf(urls.sign('GET', '7/demo', KEY, { expiresInSeconds: 60 }, '7'));
    for (let at = 0; at < token.length; at += 1) {
      for (const other of ['A', 'B', '_', '.']) {
        if (token[at] === other) continue;
        expect(urls.verify('GET', token.slice(0, at) + other + token.slice(at + 1))).toMatchObject({
          ok: false,
        });
      }
    }
  });

  it.each(['', '.', 'a.b', 'a', `${'a'.repeat(9_000)}.${'b'.repeat(43)}`, '../../etc/passwd', 'é.ü'])(
    'refuse %j',
    (token) => {
      expect(urls.verify('GET', token)).toEqual({ ok: false, reason: 'malformed' });
    },
  );

  it('of another secret are refused, those of an older secret are not', () => {
    const old = make(Buffer.alloc(32, 9));
    const token = tokenOf(old.sign('GET', 'demo', 'k', { expiresInSeconds: 60 }));
    expect(urls.verify('GET', token)).toEqual({ ok: false, reason: 'wrong_signature' });
    expect(make(SECRET, Buffer.alloc(32, 9)).verify('GET', token)).toMatchObject({ ok: true });
  });

  it('need a secret of 32 bytes', () => {
    expect(() => make()).toThrow(RangeError);
    expect(() => make(Buffer.alloc(31))).toThrow(RangeError);
  });
});
