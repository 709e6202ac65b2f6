import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type ApiFile, FilesClient } from './files-client.js';

interface Share {
  readonly id: number;
  readonly file_id: number;
  readonly state: string;
  readonly download_count: number;
  readonly last_accessed_at: string | null;
  readonly expires_at: string | null;
  readonly url: string;
}

const TEXT = 'what is shared';

describe('share links', () => {
  let client: FilesClient;
  let other: FilesClient;
  let database: pg.Client;
  /** Of all links that were made, to be sought where they must not be. */
  const urls: string[] = [];

  beforeAll(async () => {
    client = await FilesClient.start({ env: { RATE_LIMIT_PER_ADDRESS: '5000' } });
    other = await client.otherUser();
    database = new pg.Client({ connectionString: client.server.databaseUrl });
    await database.connect();
  });

  afterAll(async () => {
    await database?.end();
    await client?.server.stop();
  });

  const upload = (name = 'notes.txt', type = 'text/plain', content = TEXT) =>
    client.upload(name, content, type);

  async function share(file: Pick<ApiFile, 'id'>, wanted: object = {}): Promise<Share> {
    const made = await client.json<Share>('POST', `/api/v1/files/${file.id}/shares`, wanted);
    urls.push(made.url);
    return made;
  }

  const look = ({ id }: Share) => client.json<Share>('GET', `/api/v1/shares/${id}`);
  const revoke = ({ id }: Share) => client.fetch(`/api/v1/shares/${id}`, { method: 'DELETE' });
  const countOf = async (made: Share) => (await look(made)).download_count;

  async function open(url: string, headers: Record<string, string> = {}, method = 'GET') {
    const answer = await fetch(url, { method, headers });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }

  async function refusal(url: string) {
    const { status, headers, text } = await open(url);
    const { request_id: _, instance: __, ...problem } = JSON.parse(text) as Record<string, unknown>;
    const own = new Set(['date', 'x-request-id', 'ratelimit', 'content-length']);
    return { status, problem, headers: [...headers].filter(([name]) => !own.has(name)) };
  }

  async function post(path: string, body: object, user = client): Promise<[number, string | undefined]> {
    const answer = await user.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [answer.status, ((await answer.json()) as { code?: string }).code];
  }

  it('give a file to whoever has them, as its owner gets it', async () => {
    const file = await upload();
    const made = await share(file, { label: 'For Ana' });
    expect(made).toMatchObject({
      file_id: file.id,
      state: 'active',
      label: 'For Ana',
      disposition: 'attachment',
      filename: null,
      revoked_at: null,
      max_downloads: null,
      download_count: 0,
      last_accessed_at: null,
    });
    expect(made.url).toMatch(new RegExp(`^${client.server.url}/s/[\\w-]{43}$`));
    expect(Math.abs(Date.parse(made.expires_at!) - Date.now() - 7 * 86_400_000)).toBeLessThan(60_000);

    const whole = await open(made.url);
    expect([whole.status, whole.text]).toEqual([200, TEXT]);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'text/plain',
      'content-length': '14',
      'content-disposition': 'attachment; filename=notes.txt',
      'content-security-policy': expect.stringMatching(/^sandbox/),
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': expect.stringContaining('noindex'),
      'cache-control': 'private, no-store',
      'ratelimit-policy': '"default";q=5000;w=60',
      'accept-ranges': 'bytes',
      etag: `"${file.checksum}"`,
    });
    const etag = whole.headers.get('etag')!;
    expect(await open(made.url, { range: 'bytes=-6' })).toMatchObject({ status: 206, text: 'shared' });
    expect(await open(made.url, { range: 'bytes=-6', 'if-range': '"other"' })).toMatchObject({ text: TEXT });
    expect(await open(made.url, { 'if-none-match': etag })).toMatchObject({ status: 304, text: '' });
    expect(await open(made.url, { 'if-match': '"other"' })).toMatchObject({ status: 412 });
    expect(await open(made.url, { range: 'bytes=14-' })).toMatchObject({ status: 416 });
    const head = await open(made.url, {}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), head.text]).toEqual([200, '14', '']);
    expect((await open(made.url, {}, 'POST')).status).toBe(405);
  });

  it('show what cannot run, and save the rest, under the name that was chosen', async () => {
    const wanted = { disposition: 'inline', filename: 'für Ana' };
    const header = `filename="f?r Ana"; filename*=UTF-8''f%C3%BCr%20Ana`;
    const shown = await open((await share(await upload(), wanted)).url);
    expect(shown.headers.get('content-disposition')).toBe(`inline; ${header}`);
    const page = await open((await share(await upload('a.html', 'text/html', '<script>'), wanted)).url);
    expect(page.headers.get('content-disposition')).toBe(`attachment; ${header}`);
    expect(page.headers.get('content-type')).toBe('application/octet-stream');
  });

  it('follow their file: to a new content, into the trash, back, and to its end', async () => {
    const file = await upload();
    const made = await share(file);
    await client.json('PATCH', `/api/v1/files/${file.id}`, { filename: 'b.txt' });
    await client.fetch(`/api/v1/files/${file.id}/content`, { method: 'PUT', body: 'newer' });
    const newer = await open(made.url);
    expect([newer.text, newer.headers.get('content-disposition')]).toEqual([
      'newer',
      'attachment; filename=b.txt',
    ]);
    await client.json('DELETE', `/api/v1/files/${file.id}`);
    expect(await refusal(made.url)).toMatchObject({ status: 404, problem: { code: 'share_not_found' } });
    expect(await post(`/api/v1/files/${file.id}/shares`, {})).toEqual([404, 'not_found']);
    await client.json('POST', `/api/v1/files/${file.id}/restore`);
    expect(await open(made.url)).toMatchObject({ status: 200, text: 'newer' });
    await client.json('DELETE', `/api/v1/files/${file.id}?permanently=true`);
    expect((await open(made.url)).status).toBe(404);
    expect((await client.fetch(`/api/v1/shares/${made.id}`)).status).toBe(404);
  });

  it('look alike, whatever keeps them from opening', async () => {
    const file = await upload();
    const [revoked, expired, usedUp] = [
      await share(file),
      await share(file),
      await share(file, { max_downloads: 1 }),
    ];
    const trashed = await share(await upload());
    expect((await revoke(revoked)).status).toBe(204);
    await database.query('UPDATE share_links SET expires_at = now() WHERE id = $1', [expired.id]);
    await open(usedUp.url, { 'user-agent': 'somebody' });
    await client.json('DELETE', `/api/v1/files/${trashed.file_id}`);
    expect((await look(revoked)).state).toBe('revoked');
    expect((await look(expired)).state).toBe('expired');
    expect((await look(usedUp)).state).toBe('used_up');

    const unknown = await refusal(`${client.server.url}/s/${'a'.repeat(43)}`);
    expect(unknown).toMatchObject({ status: 404, problem: { code: 'share_not_found', retryable: false } });
    expect(new Map(unknown.headers).get('x-robots-tag')).toContain('noindex');
    const closed = [revoked, expired, usedUp, trashed].map(({ url }) => url);
    for (const url of [...closed, `${client.server.url}/s/a`, `${revoked.url}a`]) {
      expect(await refusal(url)).toEqual(unknown);
      expect((await open(url, {}, 'HEAD')).status).toBe(404);
    }
  });

  it('are closed while their user is disabled', async () => {
    const user = await client.otherUser();
    await user.configure({ provider: 'local_disk', bucket_name: 'disabled' });
    const file = await user.upload('a', TEXT);
    const made = await user.json<Share>('POST', `/api/v1/files/${file.id}/shares`, {});
    const me = await user.json<{ user: { id: number } }>('GET', '/api/v1/me');
    const setDisabled = (disabled: boolean) =>
      client.json('PATCH', `/api/v1/users/${me.user.id}`, { disabled });
    await setDisabled(true);
    expect((await open(made.url)).status).toBe(404);
    await setDisabled(false);
    expect((await open(made.url)).status).toBe(200);
  });

  it('count a download once, however often it is resumed', async () => {
    const made = await share(await upload(), { max_downloads: 2 });
    const curl = { 'user-agent': 'curl' };
    const part = (range: string, headers = curl) => open(made.url, { ...headers, range });
    await open(made.url, curl, 'HEAD');
    const { headers } = await open(made.url, curl, 'HEAD');
    await open(made.url, { ...curl, 'if-none-match': headers.get('etag')! });
    await part('bytes=99-');
    expect(await look(made)).toMatchObject({ download_count: 0, last_accessed_at: null });
    for (const range of ['bytes=0-3', 'bytes=4-', 'bytes=0-']) expect((await part(range)).status).toBe(206);
    expect(await look(made)).toMatchObject({ download_count: 1, last_accessed_at: expect.any(String) });
    expect((await open(made.url, curl)).text).toBe(TEXT);
    expect(await countOf(made)).toBe(2);
    // Nobody begins anew, and who has begun goes on.
    expect((await open(made.url, curl)).status).toBe(404);
    expect((await part('bytes=1-', { 'user-agent': 'another' })).status).toBe(404);
    expect((await part('bytes=4-')).text).toBe(' is shared');
    await database.query(
      `UPDATE share_downloads SET begun_at = begun_at - interval '1 day' WHERE share_id = $1`,
      [made.id],
    );
    expect((await part('bytes=4-')).status).toBe(404);
    expect(await countOf(made)).toBe(2);
  });

  it('never give more downloads than they allow, however many come at once', async () => {
    const made = await share(await upload('large', 'application/zip', 'x'.repeat(300_000)), {
      max_downloads: 3,
    });
    const visits = Array.from({ length: 30 }, (_, n) => open(made.url, { 'user-agent': `program ${n % 7}` }));
    const statuses = (await Promise.all(visits)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 404)).toHaveLength(27);
    expect(await look(made)).toMatchObject({ download_count: 3, state: 'used_up' });
  });

  it('are their user’s own, listed in pages, and revoked once', async () => {
    await other.configure({ provider: 'local_disk', bucket_name: 'other' });
    const file = await upload();
    const made = [
      await share(file),
      await share(file, { expires_at: null }),
      await share(file, { expires_in_seconds: 60 }),
    ];
    expect(made[1]!.expires_at).toBeNull();
    const page = (query: string, user = client) =>
      user.json<{ data: Share[]; next_cursor: string | null }>('GET', `/api/v1/shares?${query}`);
    const first = await page(`file_id=${file.id}&limit=2`);
    expect(first.data.map(({ id }) => id)).toEqual([made[2]!.id, made[1]!.id]);
    expect(first.data[0]).not.toHaveProperty('url');
    const rest = await page(`file_id=${file.id}&limit=2&cursor=${first.next_cursor}`);
    expect([rest.data.map(({ id }) => id), rest.next_cursor]).toEqual([[made[0]!.id], null]);
    expect((await page('limit=1000')).data.length).toBeGreaterThan(3);

    expect((await page(`file_id=${file.id}`, other)).data).toEqual([]);
    expect(await post(`/api/v1/files/${file.id}/shares`, {}, other)).toEqual([404, 'not_found']);
    for (const method of ['GET', 'DELETE']) {
      expect((await other.fetch(`/api/v1/shares/${made[0]!.id}`, { method })).status).toBe(404);
    }
    expect((await open(made[0]!.url)).status).toBe(200);
    for (const _ of [1, 2]) expect((await revoke(made[0]!)).status).toBe(204);
    expect((await open(made[0]!.url)).status).toBe(404);
    const audit = await client.json<{ data: { action: string; subject: string; details: object }[] }>(
      'GET',
      '/api/v1/audit?limit=1000',
    );
    const acts = audit.data.filter(({ subject }) => subject === `share:${made[0]!.id}`);
    expect(acts.map(({ action }) => action)).toEqual(['share.revoked', 'share.created']);
    expect(acts[1]!.details).toMatchObject({ file_id: file.id });
  });

  it('are not made of wishes that make no sense', async () => {
    const { id } = await upload();
    const past = '2020-01-01T00:00:00Z';
    for (const wrong of [
      { expires_in_seconds: 0 },
      { expires_in_seconds: 315_360_001 },
      { expires_in_seconds: null },
      { expires_at: past },
      { expires_at: 'tomorrow' },
      { expires_at: '2099-01-01T00:00:00Z', expires_in_seconds: 60 },
      { max_downloads: 0 },
      { max_downloads: 1.5 },
      { disposition: 'form-data' },
      { label: '' },
      { label: 'a\nb' },
      { token: 'mine' },
    ]) {
      expect([wrong, await post(`/api/v1/files/${id}/shares`, wrong)]).toEqual([
        wrong,
        [400, 'validation_failed'],
      ]);
    }
    expect(await post(`/api/v1/files/${id}/shares`, { filename: '' })).toEqual([400, 'invalid_filename']);
    expect((await client.fetch('/api/v1/shares/x')).status).toBe(400);
    expect((await client.fetch('/api/v1/shares?cursor=x')).status).toBe(400);
    expect((await fetch(`${client.server.url}/api/v1/shares`)).status).toBe(401);
    const made = await client.json<{ data: object[] }>('GET', `/api/v1/shares?file_id=${id}`);
    expect(made.data).toEqual([]);
  });

  it('tell nothing of a bucket that fails, and use no download up for it', async () => {
    await client.configure({ provider: 'local_disk', bucket_name: 'shaky-bucket' });
    const file = await upload();
    const made = await share(file, { max_downloads: 1 });
    const folder = readdirSync(client.server.dataDir, { recursive: true, withFileTypes: true }).find(
      ({ name }) => name === 'shaky-bucket',
    )!;
    const path = join(folder.parentPath, folder.name);
    const contentOf = async () => {
      const own = await client.fetch(`/api/v1/files/${file.id}/content`);
      return { status: own.status, problem: (await own.json()) as { code: string } };
    };
    renameSync(path, `${path}-away`);
    const [own, failed] = [await contentOf(), await open(made.url)];
    renameSync(`${path}-away`, path);
    expect([failed.status, JSON.parse(failed.text)]).toMatchObject([own.status, { code: own.problem.code }]);
    expect(failed.text).toContain('The store that holds this file does not give it out now.');
    for (const secret of ['shaky', 'f/', client.server.dataDir]) expect(failed.text).not.toContain(secret);
    expect(failed.headers.get('cache-control')).toBe('no-store');
    expect(await countOf(made)).toBe(0);
    expect(await open(made.url)).toMatchObject({ status: 200, text: TEXT });
    expect(await countOf(made)).toBe(1);
  });

  it('are nowhere but with those who have them: not in the log, the metrics or the database', async () => {
    const made = await share(await upload());
    const metric = async () => {
      const text = await (await client.fetch('/metrics')).text();
      return {
        text,
        bytes: Number(/^stowage_transferred_bytes_total\{direction="download"\} (\d+)/m.exec(text)?.[1]),
      };
    };
    const before = (await metric()).bytes;
    await open(made.url);
    const { text, bytes } = await metric();
    expect(bytes - before).toBe(TEXT.length);
    expect(text).toContain('route="/s/:token"');
    expect(client.server.logs()).toContain('"path":"/s/..."');
    const tables = await database.query<{ dump: string }>(
      `SELECT string_agg(t::text, ' ') AS dump FROM (
        SELECT s::text FROM share_links s UNION ALL SELECT d::text FROM share_downloads d
        UNION ALL SELECT a::text FROM audit_log a UNION ALL SELECT j::text FROM jobs j) t`,
    );
    expect(urls.length).toBeGreaterThan(10);
    for (const url of urls) {
      const token = new URL(url).pathname.slice(3);
      expect(
        [client.server.logs(), text, tables.rows[0]!.dump].filter((place) => place.includes(token)),
      ).toEqual([]);
    }
  });
});
