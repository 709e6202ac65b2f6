import { Storage } from '@google-cloud/storage';
import { describe, expect, it, jest } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { parseServiceAccount, type ServiceAccount } from './service-account.js';
import { gcsSignedUrls } from './signed-url.js';

/** Google's client refuses to sign what has already expired, so these cases live in the present. */
const NOW = Date.now();
const SIGNED_AT_MS = Math.floor(NOW / 1_000) * 1_000;
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const file = {
  type: 'service_account',
  client_email: 'stowage@my-project.iam.gserviceaccount.com',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
};
const account = parseServiceAccount(JSON.stringify(file)) as ServiceAccount;
const origin = new URL('https://storage.googleapis.com');
const urls = gcsSignedUrls({ account, bucket: 'my.bucket', origin, now: () => NOW });
const KEY = `f/12/a b+c!'()*~é😀&=%.txt`;

/** The same URL by Google's own client: an independent reading of the specification. */
async function byGoogle(options: Record<string, unknown>): Promise<string> {
  // Only `credentials` lets it sign without a call; it warns about that on the console.
  const quiet = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  const { client_email, private_key } = file;
  const storage = new Storage({ projectId: 'my-project', credentials: { client_email, private_key } });
  quiet.mockRestore();
  const [url] = await storage
    .bucket('my.bucket')
    .file(KEY)
    .getSignedUrl({
      version: 'v4',
      accessibleAt: new Date(NOW),
      expires: SIGNED_AT_MS + 3_600_000,
      ...options,
    } as never);
  return url;
}

const parametersOf = (url: string) => [...new URL(url).searchParams.entries()].sort();

describe('gcsSignedUrls', () => {
  it('signs a download as Google’s client does', async () => {
    const disposition = `attachment; filename="a b.txt"; filename*=UTF-8''a%20b.txt`;
    const ours = await urls.signGet(KEY, {
      expiresInSeconds: 3_600,
      contentDisposition: disposition,
      contentType: 'text/plain; charset=utf-8',
    });
    const theirs = await byGoogle({
      action: 'read',
      responseDisposition: disposition,
      responseType: 'text/plain; charset=utf-8',
    });
    expect(parametersOf(ours.url)).toEqual(parametersOf(theirs));
    expect(new URL(ours.url).pathname).toBe(new URL(theirs).pathname);
    expect(ours).toMatchObject({ method: 'GET', headers: {}, expiresAt: new Date(SIGNED_AT_MS + 3_600_000) });
  });

  it('signs an upload with its length, digest and create-only as Google’s client does', async () => {
    const md5 = Buffer.from('0123456789abcdef');
    const ours = await urls.signPut(KEY, { expiresInSeconds: 3_600, sizeBytes: 42, createOnly: true, md5 });
    const theirs = await byGoogle({
      action: 'write',
      contentMd5: md5.toString('base64'),
      extensionHeaders: { 'x-goog-content-length-range': '42,42', 'x-goog-if-generation-match': '0' },
    });
    expect(parametersOf(ours.url)).toEqual(parametersOf(theirs));
    expect(ours.headers).toEqual({
      'content-md5': md5.toString('base64'),
      'x-goog-content-length-range': '42,42',
      'x-goog-if-generation-match': '0',
    });
  });

  it('never lives longer than seven days', async () => {
    const { url, expiresAt } = await urls.signGet('k', { expiresInSeconds: 1e9 });
    expect(new URL(url).searchParams.get('X-Goog-Expires')).toBe('604800');
    expect(expiresAt).toEqual(new Date(SIGNED_AT_MS + 7 * 24 * 3_600_000));
  });
});
