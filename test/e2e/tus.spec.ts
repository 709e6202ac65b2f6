import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import pg from 'pg';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { noise } from '../support/noise.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { s3Settings } from '../support/s3-settings.js';
import { fingerprint } from '../support/same-bytes.js';
import { TusClient } from '../support/tus-client.js';
import { untilReady } from '../support/until-ready.js';
import { FilesClient } from './files-client.js';

const MIB = 1024 * 1024;
const ORIGIN = 'https://app.example';

const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

describe('resumable uploads', () => {
  let double: S3Double;
  let client: FilesClient;
  let tus: TusClient;
  let database: pg.Client;

  beforeAll(async () => {
    // Cloudflare's, which insists on parts of one size.
    double = await startS3Double({ personality: 'r2' });
    client = await FilesClient.start({
      env: { ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1', CORS_ORIGINS: ORIGIN },
      bucket: s3Settings(double),
    });
    tus = new TusClient(client.server.url, client.key);
    database = new pg.Client({ connectionString: client.server.databaseUrl });
    await database.connect();
  });

  afterAll(async () => {
    await database.end();
    await client.server.stop();
    await double.stop();
  });

  const code = (answer: { body: string } | undefined) =>
    (JSON.parse(answer?.body ?? '{}') as { code?: string }).code;

  async function contentOf(id: string | number): Promise<string> {
    const response = await client.fetch(`/api/v1/files/${id}/content`);
    return fingerprint(new Uint8Array(await response.arrayBuffer()));
  }

  async function isLocked(path: string): Promise<boolean> {
    const { rows } = await database.query('SELECT locked_by FROM uploads WHERE id = $1', [
      path.split('/').at(-1),
    ]);
    return (rows as { locked_by: string | null }[])[0]?.locked_by !== null;
  }

  /** Of the file that an answer tells of. */
  async function fileOf(answer: Awaited<ReturnType<TusClient['patch']>>) {
    const id = answer.headers['stowage-file-id'] as string;
    expect(answer.headers['stowage-file-location']).toBe(`/api/v1/files/${id}`);
    return client.json<Record<string, unknown>>('GET', `/api/v1/files/${id}`);
  }

  it('tell what they can do', async () => {
    const answer = await tus.ask('OPTIONS', '/api/v1/tus', { headers: { 'tus-resumable': '' } });
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        'tus-resumable': '1.0.0',
        'tus-version': '1.0.0',
        'tus-extension':
          'creation,creation-with-upload,creation-defer-length,expiration,termination,checksum',
        'tus-checksum-algorithm': 'sha256,sha1,md5,crc32',
      },
    });
  });

  it('let browsers of the listed origins in, and show them the headers of tus', async () => {
    const preflight = await tus.ask('OPTIONS', '/api/v1/tus', {
      headers: {
        authorization: '',
        origin: ORIGIN,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'tus-resumable,upload-offset',
      },
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': expect.stringContaining('PATCH'),
        'access-control-allow-headers': 'tus-resumable,upload-offset',
      },
    });
    const path = await tus.create(5);
    const answer = await tus.ask('HEAD', path, { headers: { origin: ORIGIN } });
    const exposed = String(answer?.headers['access-control-expose-headers']).split(', ');
    expect(exposed).toEqual(
      expect.arrayContaining(['Location', 'Upload-Offset', 'Upload-Length', 'Stowage-File-Id']),
    );
  });

  it('arrive in pieces and become a file at its place', async () => {
    const content = noise(1000, 'pieces');
    const metadata = {
      filename: 'pieces.txt',
      filetype: 'text/plain',
      folder: 'docs/a',
      tags: 'x,y',
      sha256: sha256(content),
    };
    const path = await tus.create(content.length, metadata);
    expect(await tus.ask('HEAD', path)).toMatchObject({
      status: 200,
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'upload-length': '1000',
        'upload-metadata': TusClient.metadata(metadata),
        'upload-expires': expect.stringMatching(/GMT$/),
        'cache-control': 'no-store',
      },
    });
    const first = await tus.patch(path, 0, content.subarray(0, 300));
    expect([first.status, first.headers['upload-offset'], first.headers['stowage-file-id']]).toEqual([
      204,
      '300',
      undefined,
    ]);
    await tus.patch(path, 300, content.subarray(300, 301));
    const last = await tus.patch(path, 301, content.subarray(301));
    expect([last.status, last.headers['upload-offset']]).toEqual([204, '1000']);
    const file = await fileOf(last);
    expect(file).toMatchObject({
      filename: 'pieces.txt',
      file_size: 1000,
      content_type: 'text/plain',
      checksum: sha256(content),
    });
    expect(await contentOf(file.id as number)).toBe(fingerprint(content));
    // Whoever missed the answer asks again and finds the file.
    expect((await tus.ask('HEAD', path))?.headers['stowage-file-id']).toBe(String(file.id));
    expect((await tus.patch(path, 1000, Buffer.alloc(0))).headers['stowage-file-id']).toBe(String(file.id));
    expect((await tus.patch(path, 0, content)).status).toBe(409);
  });

  it.each([0, 1, 8 * MIB, 8 * MIB + 1])('of %i bytes come whole with their creation', async (size) => {
    const content = noise(size, 'creation');
    const answer = await tus.ask('POST', '/api/v1/tus', {
      headers: { 'upload-length': size, 'upload-metadata': TusClient.metadata({ filename: 'c' }) },
      body: content,
    });
    expect([answer?.status, answer?.headers['upload-offset']]).toEqual([201, String(size)]);
    const file = await fileOf(answer!);
    expect(file).toMatchObject({ file_size: size, checksum: sha256(content) });
    expect(await contentOf(file.id as number)).toBe(fingerprint(content));
  });

  it('may tell their length late', async () => {
    const content = noise(9 * MIB, 'late');
    const created = await tus.ask('POST', '/api/v1/tus', { headers: { 'upload-defer-length': '1' } });
    const path = created!.headers.location!;
    await tus.patch(path, 0, content.subarray(0, 8 * MIB));
    const seen = await tus.ask('HEAD', path);
    expect([seen?.headers['upload-defer-length'], seen?.headers['upload-length']]).toEqual(['1', undefined]);
    await tus.patch(path, 8 * MIB, content.subarray(8 * MIB));
    expect((await tus.patch(path, 9 * MIB, Buffer.alloc(0), { 'upload-length': 5 })).status).toBe(400);
    const last = await tus.patch(path, 9 * MIB, Buffer.alloc(0), { 'upload-length': 9 * MIB });
    expect((await fileOf(last)).checksum).toBe(sha256(content));
  });

  it('keep what arrived before the connection broke, in parts of one size and a tail', async () => {
    const content = noise(20 * MIB + 5, 'cuts');
    const before = keysInBucket(double).length;
    const path = await tus.create(content.length, { filename: 'cuts' });
    let offset = 0;
    for (const arrives of [3 * MIB, 5 * MIB + 1, 1, 9 * MIB]) {
      const body = content.subarray(offset, offset + arrives);
      await tus.ask('PATCH', path, {
        headers: { 'upload-offset': offset },
        body,
        announcedBytes: content.length - offset,
        cut: true,
      });
      const reached = await tus.offsetOf(path);
      expect(reached).toBeGreaterThanOrEqual(offset);
      expect(reached).toBeLessThanOrEqual(offset + arrives);
      offset = reached;
      expect((await tus.patch(path, offset + 1, Buffer.from('x'))).status).toBe(409);
    }
    const last = await tus.patch(path, offset, content.subarray(offset));
    const file = await fileOf(last);
    expect(file).toMatchObject({ file_size: content.length, checksum: sha256(content) });
    expect(await contentOf(file.id as number)).toBe(fingerprint(content));
    expect(keysInBucket(double).length).toBe(before + 1);
  });

  it('are not held up by their own dead connection', async () => {
    const content = noise(100_000, 'zombie');
    const path = await tus.create(content.length);
    const zombie = tus.begin('PATCH', path, {
      headers: { 'upload-offset': 0 },
      body: content.subarray(0, 40_000),
      announcedBytes: content.length,
    });
    // Until it is the one that writes.
    await untilReady('The lock', () => isLocked(path), { timeoutMs: 30_000 });
    const offset = await tus.offsetOf(path);
    const rival = await tus.patch(path, offset, content.subarray(offset));
    expect(rival.status).toBe(204);
    expect((await fileOf(rival)).checksum).toBe(sha256(content));
    const told = await zombie.answer;
    expect(told === undefined || [409, 423].includes(told.status)).toBe(true);
  });

  it('written by two requests at a time keep one order of bytes', async () => {
    const content = noise(3 * MIB, 'parallel');
    const path = await tus.create(content.length);
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => tus.ask('PATCH', path, { headers: { 'upload-offset': 0 }, body: content })),
    );
    for (const answer of answers) expect([204, 409, 423, undefined]).toContain(answer?.status);
    const offset = await tus.offsetOf(path);
    const last = await tus.patch(path, offset, content.subarray(offset));
    expect((await fileOf(last)).checksum).toBe(sha256(content));
  });

  it('with a checksum are taken whole or not at all', async () => {
    const content = noise(9 * MIB, 'checksum');
    const path = await tus.create(content.length);
    const first = content.subarray(0, 100);
    const sha1 = createHash('sha1').update(first).digest('base64');
    const wrong = await tus.patch(path, 0, content.subarray(1, 101), { 'upload-checksum': `sha1 ${sha1}` });
    expect([wrong.status, code(wrong), await tus.offsetOf(path)]).toEqual([
      460,
      'upload_checksum_mismatch',
      0,
    ]);
    expect((await tus.patch(path, 0, first, { 'upload-checksum': 'sha3 AAAA' })).status).toBe(400);
    expect((await tus.patch(path, 0, first, { 'upload-checksum': `sha1 ${sha1}` })).status).toBe(204);
    const rest = content.subarray(100);
    const bad = { 'upload-checksum': `md5 ${createHash('md5').update('x').digest('base64')}` };
    expect((await tus.patch(path, 100, rest, bad)).status).toBe(460);
    expect(await tus.offsetOf(path)).toBe(100);
    const good = { 'upload-checksum': `sha256 ${createHash('sha256').update(rest).digest('base64')}` };
    const file = await fileOf(await tus.patch(path, 100, rest, good));
    expect(file.checksum).toBe(sha256(content));
    expect(await contentOf(file.id as number)).toBe(fingerprint(content));
  });

  it('that are not what they announced do not become files', async () => {
    const path = await tus.create(3, { sha256: sha256(Buffer.from('abc')) });
    const answer = await tus.patch(path, 0, Buffer.from('abd'));
    expect([answer.status, code(answer)]).toEqual([400, 'checksum_mismatch']);
    expect((await tus.ask('HEAD', path))?.status).toBe(410);
  });

  it('can be given up, and leave nothing', async () => {
    const keys = keysInBucket(double);
    const path = await tus.create(20 * MIB);
    await tus.patch(path, 0, noise(9 * MIB));
    expect(keysInBucket(double).length).toBe(keys.length + 1);
    expect((await tus.ask('DELETE', path))?.status).toBe(204);
    expect(keysInBucket(double)).toEqual(keys);
    expect(double.store.uploads(double.bucket)).toEqual([]);
    const gone = await tus.patch(path, 9 * MIB, Buffer.from('x'));
    expect([gone.status, code(gone), (await tus.ask('DELETE', path))?.status]).toEqual([
      410,
      'upload_gone',
      410,
    ]);
  });

  it('that nobody goes on with come to their end', async () => {
    const keys = keysInBucket(double);
    const left = await tus.create(20 * MIB);
    await tus.patch(left, 0, noise(9 * MIB));
    await client.json('PUT', '/api/v1/settings/sync', { max_file_size: 200 * MIB });
    const direct = await client.json<{ id: string }>('POST', '/api/v1/uploads', {
      filename: 'd',
      size: 101 * MIB,
    });
    expect([keysInBucket(double).length, double.store.uploads(double.bucket).length]).toEqual([
      keys.length + 1,
      2,
    ]);
    // As if the server had died between its last two steps.
    const crashed = await tus.create(3, { filename: 'crashed' });
    await tus.patch(crashed, 0, Buffer.from('abc'));
    const ids = [left, crashed].map((path) => path.split('/').at(-1));
    await database.query(`UPDATE uploads SET expires_at = now() - interval '1 hour' WHERE id IN ($1, $2)`, [
      ids[0],
      direct.id,
    ]);
    await database.query('DELETE FROM cloud_files WHERE id = (SELECT file_id FROM uploads WHERE id = $1)', [
      ids[1],
    ]);
    await database.query(
      `UPDATE uploads SET state = 'completing', file_id = NULL, ended_at = NULL WHERE id = $1`,
      [ids[1]],
    );
    await database.query(`SELECT graphile_worker.add_job('uploads.expire', '{}'::json)`);
    const states = async () => {
      const values = [ids[0], direct.id, ids[1]];
      const { rows } = await database.query(
        'SELECT state FROM uploads WHERE id = ANY ($1) ORDER BY array_position($1, id)',
        [values],
      );
      return (rows as { state: string }[]).map(({ state }) => state).join(' ');
    };
    const ended = async () => (await states()) === 'aborted aborted completed';
    await untilReady('The end of the uploads', ended, { timeoutMs: 30_000 });
    expect((await tus.ask('HEAD', left))?.status).toBe(410);
    const id = (await tus.ask('HEAD', crashed))?.headers['stowage-file-id'];
    expect(await contentOf(String(id))).toBe(fingerprint(Buffer.from('abc')));
    expect([keysInBucket(double).length, double.store.uploads(double.bucket).length]).toEqual([
      keys.length + 1,
      0,
    ]);
  });

  describe('refuse', () => {
    it.each([
      ['another version', { 'tus-resumable': '0.2.2', 'upload-length': 1 }, 412, 'unsupported_tus_version'],
      ['no length', {}, 400, 'bad_request'],
      ['a length that is none', { 'upload-length': '1e3' }, 400, 'bad_request'],
      [
        'metadata that is no base64',
        { 'upload-length': 1, 'upload-metadata': 'filename %' },
        400,
        'bad_request',
      ],
      ['what is too large', { 'upload-length': '999999999999999' }, 413, 'file_too_large'],
      ['no key', { authorization: '', 'upload-length': 1 }, 401, 'unauthenticated'],
    ] as const)('%s at the creation', async (_what, headers, status, expected) => {
      const answer = await tus.ask('POST', '/api/v1/tus', { headers });
      expect([answer?.status, code(answer)]).toEqual([status, expected]);
      expect(answer?.headers['tus-resumable']).toBe('1.0.0');
    });

    it('what goes beyond the announced length, before reading it', async () => {
      const path = await tus.create(5);
      const answer = await tus.ask('PATCH', path, {
        headers: { 'upload-offset': 0 },
        body: Buffer.from('123456'),
      });
      expect([answer?.status, code(answer), await tus.offsetOf(path)]).toEqual([413, 'file_too_large', 0]);
    });

    it('another type of body', async () => {
      const path = await tus.create(5);
      const answer = await tus.patch(path, 0, Buffer.from('12345'), { 'content-type': 'text/plain' });
      expect([answer.status, code(answer)]).toEqual([415, 'unsupported_media_type']);
    });

    it('uploads of others and ids that are none', async () => {
      const other = await client.otherUser();
      const path = await tus.create(5);
      for (const method of ['HEAD', 'DELETE', 'PATCH']) {
        const stranger = new TusClient(client.server.url, other.key);
        const options =
          method === 'PATCH' ? { headers: { 'upload-offset': 0 }, body: Buffer.from('12345') } : {};
        expect((await stranger.ask(method, path, options))?.status).toBe(404);
        expect((await tus.ask(method, '/api/v1/tus/1', options))?.status).toBe(404);
      }
      expect(await tus.offsetOf(path)).toBe(0);
    });
  });
});
