import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { noise } from '../support/noise.js';
import { fingerprint } from '../support/same-bytes.js';
import { type ApiFile, FilesClient } from './files-client.js';

const MIB = 1024 * 1024;
const BOUNDARY = 'e2e-boundary';

const bytes = (size: number) => new Uint8Array(noise(size));
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

describe('uploads', () => {
  let client: FilesClient;

  beforeAll(async () => {
    client = await FilesClient.start({ env: { UPLOADS_PER_USER: '4' } });
  });

  afterAll(() => client.server.stop());

  const post = (path: string, form: FormData, headers: Record<string, string> = {}) =>
    client.fetch(path, { method: 'POST', body: form, headers });

  async function contentOf({ id }: { id: number | string }): Promise<string> {
    const response = await client.fetch(`/api/v1/files/${id}/content`);
    return fingerprint(new Uint8Array(await response.arrayBuffer()));
  }

  describe('as forms', () => {
    it('answer one file in "file" as an object, as the implementation guide does', async () => {
      const form = new FormData();
      form.append('file', new File(['hello'], 'hello.txt', { type: 'text/plain' }));
      const response = await post('/api/cloud/upload', form);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({
        filename: 'hello.txt',
        size: 5,
        contentType: 'text/plain',
      });
    });

    it('answer one file in "file" with its place', async () => {
      const form = new FormData();
      form.append('file', new File([bytes(300_000)], 'a.bin'));
      const response = await post('/api/v1/files', form);
      const file = (await response.json()) as ApiFile;
      expect([response.status, response.headers.get('location')]).toEqual([201, `/api/v1/files/${file.id}`]);
      expect(file).toMatchObject({ file_size: 300_000, checksum: sha256(bytes(300_000)) });
      expect(await client.json('GET', `/api/v1/files/${file.id}`)).toEqual(file);
      expect(await contentOf(file)).toBe(fingerprint(bytes(300_000)));
    });

    it('answer many files in "files" in the order of the form', async () => {
      const sizes = [0, 1, 262_144, 262_145, 9 * MIB];
      const form = new FormData();
      for (const size of sizes) form.append('files', new File([bytes(size)], `${size}.bin`));
      const response = await post('/api/v1/files', form);
      const { data } = (await response.json()) as { data: ApiFile[] };
      expect(data.map(({ file_size }) => file_size)).toEqual(sizes);
      for (const [at, file] of data.entries())
        expect(await contentOf(file)).toBe(fingerprint(bytes(sizes[at]!)));
    });

    it.each([
      '../../etc/passwd',
      'C:\\x',
      'CON',
      '.htaccess',
      'a/b/',
      '👩‍👩‍👧 ä\u0308.png',
      '=cmd|x',
      "o'hara",
      '__proto__',
      'x'.repeat(255),
    ])('keep the name %j as it is', async (name) => {
      const form = new FormData();
      form.append('file', new File(['x'], name));
      const file = (await (await post('/api/v1/files', form)).json()) as ApiFile;
      expect(file.filename).toBe(name);
      expect(await client.json('GET', `/api/v1/files/${file.id}`)).toMatchObject({ filename: name });
    });

    it('answer the guide’s phrases when they fail', async () => {
      const form = new FormData();
      form.append('note', 'no file here');
      const response = await post('/api/cloud/upload', form);
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await response.json()).toMatchObject({ code: 'no_file_provided', error: 'No file provided' });
    });
  });

  describe('as bodies', () => {
    it.each(['application/octet-stream', 'application/json', 'text/html; charset=utf-8', 'image/png'])(
      'of type %s are the file itself',
      async (type) => {
        const file = await client.upload('{}.json', '{"not": "parsed"', type);
        expect(file).toMatchObject({ filename: '{}.json', file_size: 16, content_type: type });
        const posted = await client.fetch('/api/v1/files?filename=b', {
          method: 'POST',
          headers: { 'content-type': type },
          body: 'x',
        });
        expect([posted.status, posted.headers.get('location')]).toEqual([
          201,
          expect.stringContaining('/api/v1/files/'),
        ]);
      },
    );

    it.each([1_000, 400_000])('of %i bytes are compared with their declared digest', async (size) => {
      const content = bytes(size);
      const put = (digest: string) =>
        client.fetch('/api/v1/files?filename=digest', {
          method: 'PUT',
          headers: { 'repr-digest': `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:` },
          body: content,
        });
      expect((await put(sha256(content))).status).toBe(201);
      const refused = await put(sha256(content.subarray(1)));
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
        400,
        'checksum_mismatch',
      ]);
      expect(await client.leftovers()).toMatchObject({ files: [], objects: [], uploads: [] });
    });

    it('may be of unknown length', async () => {
      const content = bytes(10 * MIB);
      const response = await client.fetch('/api/v1/files?filename=stream', {
        method: 'PUT',
        body: new Blob([content]).stream(),
        duplex: 'half',
      });
      const file = (await response.json()) as ApiFile;
      expect(file).toMatchObject({ file_size: content.length, checksum: sha256(content) });
      expect(await contentOf(file)).toBe(fingerprint(content));
    });
  });

  describe('over max_file_size', () => {
    const limit = 3 * MIB;

    beforeAll(async () => {
      await client.json('PUT', '/api/v1/settings/sync', { max_file_size: limit });
    });

    afterAll(async () => {
      await client.json('PUT', '/api/v1/settings/sync', { max_file_size: 100 * MIB });
    });

    const before = () => client.leftovers();

    it('are refused on their headers, at once, and the connection is closed', async () => {
      const { scanned_objects: objects } = await before();
      const started = performance.now();
      const head = client.head('PUT', '/api/v1/files?filename=a', { 'content-length': 100 * MIB });
      const answer = await client.raw(head, { until: /\}$/ });
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toMatch(/connection: close/i);
      expect(answer).toContain('"code":"file_too_large"');
      expect(answer).toContain(String(limit));
      expect((await before()).scanned_objects).toBe(objects);
    });

    it('are refused before a client that asks first sends anything', async () => {
      const head = client.head('PUT', '/api/v1/files?filename=a', {
        'content-length': 100 * MIB,
        expect: '100-continue',
      });
      const answer = await client.raw(head, { until: /\}$/ });
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    });

    it.each(['file', 'files'])(
      'in the field "%s" are refused with an answer that fetch can read',
      async (field) => {
        const form = new FormData();
        form.append(field, new File([bytes(20 * MIB)], 'large'));
        const response = await post('/api/cloud/upload', form);
        expect(response.status).toBe(413);
        expect(await response.json()).toMatchObject({ code: 'file_too_large' });
        expect(await before()).toMatchObject({ files: [], objects: [], uploads: [] });
      },
    );

    it('are stored up to exactly that', async () => {
      expect(await client.upload('fits', bytes(limit))).toMatchObject({ file_size: limit });
    });
  });

  describe('that break off', () => {
    it.each([
      ['file', 40_000],
      ['file', 5 * MIB],
      ['files', 12 * MIB],
    ])('in the field "%s" after %i bytes leave nothing', async (field, sentBytes) => {
      const files = await client.list('?limit=1000');
      const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="gone"\r\n\r\n`;
      const request = client.head('POST', '/api/v1/files', {
        'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        'content-length': 20 * MIB,
      });
      await client.raw(Buffer.concat([Buffer.from(request + head), bytes(sentBytes)]), { reset: true });
      await settle();
      expect(await client.leftovers()).toMatchObject({ files: [], objects: [], uploads: [] });
      expect(await client.list('?limit=1000')).toEqual(files);
    });

    /** The server may still be cleaning up after the connection ended. */
    async function settle(): Promise<void> {
      for (let tries = 0; tries < 200; tries++) {
        const { files, objects, uploads } = await client.leftovers();
        if (files.length + objects.length + uploads.length === 0 && tries > 5) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  });

  it('wait for each other beyond UPLOADS_PER_USER, and all arrive', async () => {
    const uploads = Array.from({ length: 20 }, (_, at) =>
      client.upload(`parallel ${at}`, bytes(100_000 + at)),
    );
    const files = await Promise.all(uploads);
    expect(new Set(files.map(({ id }) => id)).size).toBe(20);
    for (const file of files) expect(await contentOf(file)).toBe(fingerprint(bytes(file.file_size)));
  });

  it('of many files at once are all or nothing', async () => {
    const names = (await client.list('?limit=1000')).length;
    const form = new FormData();
    form.append('files', new File(['1'], 'one'));
    form.append('files', new File(['2'], 'two'));
    form.append('other', new File(['3'], 'three'));
    expect((await post('/api/v1/files', form)).status).toBe(400);
    expect(await client.list('?limit=1000')).toHaveLength(names);
    expect(await client.leftovers()).toMatchObject({ files: [], objects: [], uploads: [] });
  });

  it('with one Idempotency-Key make one file, however often they are sent', async () => {
    const key = randomUUID();
    const send = () => {
      const form = new FormData();
      form.append('file', new File(['once'], 'once.txt'));
      return post('/api/v1/files', form, { 'idempotency-key': key });
    };
    const first = (await (await send()).json()) as ApiFile;
    const again = await send();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(first);
    expect(await client.list('?filename_prefix=once')).toHaveLength(1);
  });

  it('need a key, a bucket and a form', async () => {
    const form = new FormData();
    form.append('file', new File(['x'], 'x'));
    const anonymous = await fetch(new URL('/api/v1/files', client.server.url), {
      method: 'POST',
      body: form,
    });
    expect(anonymous.status).toBe(401);
    const stranger = await client.otherUser();
    expect((await stranger.fetch('/api/v1/files?filename=x', { method: 'PUT', body: 'x' })).status).toBe(400);
    const json = await client.fetch('/api/cloud/upload', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(json.status).toBe(415);
    const put = await client.fetch('/api/v1/files?filename=x', { method: 'PUT', body: form });
    expect(put.status).toBe(415);
  });
});
