import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { noise } from '../support/noise.js';
import { fingerprint } from '../support/same-bytes.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { s3Settings } from '../support/s3-settings.js';
import { type ApiFile, FilesClient } from './files-client.js';

const content = noise(500_000);

describe.each(['local_disk', 's3_compatible'])('downloads from %s', (provider) => {
  let double: S3Double;
  let client: FilesClient;
  let file: ApiFile;

  beforeAll(async () => {
    double = await startS3Double();
    const s3 = s3Settings(double);
    client = await FilesClient.start({
      env: { ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1' },
      bucket: provider === 'local_disk' ? { provider, bucket_name: 'files' } : s3,
    });
    file = await client.upload('page.html', content, 'text/html');
  });

  afterAll(async () => {
    await client.server.stop();
    await double.stop();
  });

  const get = (headers: Record<string, string> = {}, method = 'GET') =>
    client.fetch(`/api/v1/files/${file.id}/content`, { headers, method });
  const bytesOf = async (response: Response) => fingerprint(new Uint8Array(await response.arrayBuffer()));

  it('give back what was uploaded, and browsers do not run it', async () => {
    const response = await get();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '500000',
      'content-disposition': 'attachment; filename=page.html',
      'content-security-policy': expect.stringMatching(/^sandbox/),
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      etag: `"${file.checksum}"`,
      'x-request-id': expect.any(String),
    });
    expect(await bytesOf(response)).toBe(fingerprint(content));
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=-1', 499_999, 500_000],
    ['bytes=100-99999999', 100, 500_000],
  ])('give the range %s', async (range, start, end) => {
    const response = await get({ range });
    expect([response.status, response.headers.get('content-range')]).toEqual([
      206,
      `bytes ${start}-${end - 1}/500000`,
    ]);
    expect(await bytesOf(response)).toBe(fingerprint(content.subarray(start, end)));
  });

  it('refuse a range that the file does not have', async () => {
    const response = await get({ range: 'bytes=500000-' });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */500000']);
    expect(await response.json()).toMatchObject({ code: 'range_not_satisfiable' });
  });

  it('resume only the same content', async () => {
    const range = 'bytes=499990-';
    expect((await get({ range, 'if-range': `"${file.checksum}"` })).status).toBe(206);
    expect((await get({ range, 'if-range': '"other"' })).status).toBe(200);
  });

  it('answer 304 and HEAD without a body', async () => {
    const unchanged = await get({ 'if-none-match': `"${file.checksum}"` });
    expect([unchanged.status, await unchanged.text()]).toEqual([304, '']);
    const head = await get({}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '500000', '']);
  });

  it('give signed URLs that need no key, and note the time', async () => {
    const unread = await client.upload('unread', 'x');
    expect(unread.last_accessed).toBeNull();
    for (const path of [`/api/cloud/download/${unread.id}`, `/api/v1/files/${unread.id}/download-url`]) {
      const method = path.startsWith('/api/cloud') ? 'GET' : 'POST';
      const response = await client.fetch(path, { method });
      expect(response.headers.get('cache-control')).toBe('no-store');
      const answer = (await response.json()) as Record<string, string>;
      const lifetime = Date.parse(answer.expiresAt ?? answer.expires_at!) - Date.now();
      expect(Math.abs(lifetime - 3_600_000)).toBeLessThan(60_000);
      const download = await fetch(answer.downloadUrl ?? answer.download_url!);
      expect([download.status, download.headers.get('content-disposition'), await download.text()]).toEqual([
        200,
        'attachment; filename=unread',
        'x',
      ]);
    }
    await until(
      async () => (await client.json<ApiFile>('GET', `/api/v1/files/${unread.id}`)).last_accessed !== null,
    );
  });

  it('sign for as long as is asked, up to a week', async () => {
    const path = `/api/v1/files/${file.id}/download-url`;
    const { expires_at } = await client.json<{ expires_at: string }>('POST', path, {
      expires_in_seconds: 60,
    });
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(61_000);
    for (const seconds of [0, -1, 604_801, 1.5, '60', null]) {
      const response = await client.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ expires_in_seconds: seconds }),
      });
      expect(response.status).toBe(400);
    }
  });

  it('show what cannot run and save the rest, under the name that is asked for', async () => {
    const picture = await client.upload('cat.png', 'not really', 'image/png');
    const sign = async (id: number, body: object) => {
      const answer = await client.fetch(`/api/v1/files/${id}/download-url`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return [answer.status, (await answer.json()) as Record<string, string>] as const;
    };
    const wanted = { disposition: 'inline', filename: 'Katze ä.png' };
    const header = (disposition: string) =>
      `${disposition}; filename="Katze ?.png"; filename*=UTF-8''Katze%20%C3%A4.png`;
    for (const [{ id }, disposition, type] of [
      [picture, 'inline', 'image/png'],
      [file, 'attachment', 'application/octet-stream'],
    ] as const) {
      const [, signed] = await sign(id, wanted);
      expect(signed).toMatchObject({ disposition, filename: 'Katze ä.png' });
      const byKey = `/api/v1/files/${id}/content?${new URLSearchParams(wanted).toString()}`;
      for (const answer of [await fetch(signed.download_url!), await client.fetch(byKey)]) {
        expect(answer.headers.get('content-disposition')).toBe(header(disposition));
        expect(answer.headers.get('content-type')).toBe(type);
        await answer.arrayBuffer();
      }
    }
    for (const refused of [{ disposition: 'form-data' }, { disposition: null }, { filename: 7 }]) {
      expect(await sign(picture.id, refused)).toMatchObject([400, { code: 'validation_failed' }]);
    }
    expect(await sign(picture.id, { filename: 'a\nb' })).toMatchObject([400, { code: 'invalid_filename' }]);
    const unknown = await client.fetch(`/api/v1/files/${picture.id}/content?disposition=none`);
    expect([unknown.status, await unknown.json()]).toMatchObject([400, { code: 'validation_failed' }]);
  });

  it('look the same for files of others and files that never were', async () => {
    const stranger = await client.otherUser();
    for (const suffix of ['', '/content', '/download-url']) {
      const method = suffix === '/download-url' ? 'POST' : 'GET';
      const [foreign, unknown] = await Promise.all(
        [file.id, 2_000_000_000].map(async (id) => {
          const response = await stranger.fetch(`/api/v1/files/${id}${suffix}`, { method });
          const { code, detail } = (await response.json()) as { code: string; detail: string };
          return [response.status, code, detail];
        }),
      );
      expect(foreign).toEqual([404, 'not_found', 'There is no such file.']);
      expect(unknown).toEqual(foreign);
    }
  });

  it.each(['0', '-1', 'abc', '1e3', '2147483648', '99999999999999999999', '1%2F2', '0x1', '1.5'])(
    'refuse the id %s',
    async (id) => {
      for (const path of [
        `/api/v1/files/${id}`,
        `/api/v1/files/${id}/content`,
        `/api/cloud/download/${id}`,
      ]) {
        expect((await client.fetch(path)).status).toBe(400);
      }
      expect((await client.fetch(`/api/v1/files/${id}`, { method: 'DELETE' })).status).toBe(400);
    },
  );
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('It did not happen within 30 seconds.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
