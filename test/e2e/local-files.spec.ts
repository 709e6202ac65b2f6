import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { noise } from '../support/noise.js';
import { untilReady } from '../support/until-ready.js';
import { type ApiFile, FilesClient } from './files-client.js';

interface LocalFile {
  readonly id: number;
  readonly filename: string;
  readonly folder: string;
  readonly file_size: number;
  readonly state: string;
  readonly reason: { readonly code: string; readonly detail: string } | null;
  readonly cloud_file_id: number | null;
  readonly checksum: string | null;
  readonly server_name: string | null;
  readonly uploaded_bytes: number;
  readonly next_attempt_at: string | null;
}

const WAIT_MS = 50_000;
const OFF = { auto_upload: false, sync_on_create: false };

/** One server, one folder that its operator allows, and users who each have files of their own there. */
describe('local files', () => {
  let client: FilesClient;
  let root: string;
  let database: pg.Client;

  beforeAll(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'stowage-local-files-')));
    await mkdir(join(root, 'in'));
    const env = { LOCAL_FILES_ROOTS: join(root, 'in') };
    client = await FilesClient.start({ env });
    database = new pg.Client({ connectionString: client.server.databaseUrl });
    await database.connect();
  });

  afterAll(async () => {
    await database?.end();
    await client?.server.stop();
    await rm(root, { recursive: true, force: true });
  });

  const pathOf = (name: string) => join(root, 'in', name);
  const settings = (values: object) => client.json('PUT', '/api/v1/settings/sync', values);
  const show = (id: number) => client.json<LocalFile>('GET', `/api/v1/local-files/${id}`);
  const sha256 = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex');

  async function register(name: string, body: object = {}): Promise<LocalFile> {
    return client.json<LocalFile>('POST', '/api/v1/local-files', { path: pathOf(name), ...body });
  }

  async function reaches(id: number, state: string): Promise<LocalFile> {
    let last: LocalFile | undefined;
    const probe = async () => (last = await show(id)).state === state;
    await untilReady(`Local file ${id}`, probe, { timeoutMs: WAIT_MS, explain: () => JSON.stringify(last) });
    return last!;
  }

  async function contentOf(cloudFileId: number | null): Promise<string> {
    const response = await client.fetch(`/api/v1/files/${cloudFileId}/content`);
    return sha256(new Uint8Array(await response.arrayBuffer()));
  }

  it('are only registered while both settings are off, and uploaded when somebody asks', async () => {
    await settings(OFF);
    const content = noise(400_000, 'asked');
    await writeFile(pathOf('asked.jpg'), content);
    const registered = await register('asked.jpg', { folder: 'holiday' });
    expect(registered).toMatchObject({
      state: 'waiting',
      folder: 'holiday/',
      file_size: 400_000,
      next_attempt_at: null,
      server_name: 'main',
    });
    expect((await register('asked.jpg')).id).toBe(registered.id);
    expect(
      (await client.fetch(`/api/v1/local-files/${registered.id}/upload`, { method: 'POST' })).status,
    ).toBe(202);
    const synced = await reaches(registered.id, 'synced');
    expect(synced).toMatchObject({ checksum: sha256(content), uploaded_bytes: 400_000, reason: null });
    const file = await client.json<ApiFile & { folder: string }>(
      'GET',
      `/api/v1/files/${synced.cloud_file_id}`,
    );
    expect(file).toMatchObject({ filename: 'asked.jpg', folder: 'holiday/', content_type: 'image/jpeg' });
    expect(await contentOf(synced.cloud_file_id)).toBe(sha256(content));
    const linked = await database.query('SELECT local_file_id FROM cloud_files WHERE id = $1', [file.id]);
    expect(linked.rows).toEqual([{ local_file_id: registered.id }]);
  });

  it('with sync_on_create go up at once, also those that the application writes into its table; changes are versions', async () => {
    await settings({ ...OFF, sync_on_create: true });
    await writeFile(pathOf('row.txt'), 'first');
    const { rows } = await database.query<{ id: number }>(
      'INSERT INTO pixe_files (user_id, filename, file_path, file_size) VALUES ($1, $2, $3, 5) RETURNING id',
      [client.server.userId, 'row.txt', pathOf('row.txt')],
    );
    const { id } = rows[0]!;
    const first = await reaches(id, 'synced');
    expect(first).toMatchObject({ checksum: sha256('first'), server_name: 'main' });

    await writeFile(pathOf('row.txt'), 'second!');
    await database.query('UPDATE pixe_files SET file_size = 7 WHERE id = $1', [id]);
    await untilReady('The second version', async () => (await show(id)).checksum === sha256('second!'), {
      timeoutMs: WAIT_MS,
    });
    const second = await show(id);
    expect(second.cloud_file_id).toBe(first.cloud_file_id);
    const versions = await database.query('SELECT version, file_size FROM file_versions WHERE file_id = $1', [
      first.cloud_file_id,
    ]);
    expect(versions.rows).toEqual([{ version: 1, file_size: '5' }]);

    // Only touched: read again, but no further version.
    await utimes(pathOf('row.txt'), new Date(), new Date());
    await client.json('POST', `/api/v1/local-files/${id}/upload`);
    await reaches(id, 'synced');
    const again = await database.query('SELECT version FROM cloud_files WHERE id = $1', [
      first.cloud_file_id,
    ]);
    expect(again.rows).toEqual([{ version: 2 }]);

    // The application forgets the file: its cloud file stays.
    await database.query('DELETE FROM pixe_files WHERE id = $1', [id]);
    expect((await client.fetch(`/api/v1/local-files/${id}`)).status).toBe(404);
    expect(await contentOf(first.cloud_file_id)).toBe(sha256('second!'));
  });

  it('with auto_upload all go up that have not, and larger ones than max_file_size say why they do not', async () => {
    await settings({ ...OFF, max_file_size: 1_000 });
    await writeFile(pathOf('small'), noise(1_000, 'small'));
    await writeFile(pathOf('large'), noise(1_001, 'large'));
    const [small, large] = [await register('small'), await register('large')];
    expect([small.state, large.state]).toEqual(['waiting', 'waiting']);
    await settings({ auto_upload: true });
    await reaches(small.id, 'synced');
    const skipped = await reaches(large.id, 'skipped');
    expect(skipped.reason?.code).toBe('file_too_large');
    expect(skipped.reason?.detail).toMatch(/1001 bytes.*max_file_size.*1000/);
    await settings({ max_file_size: 1_001 });
    expect((await reaches(large.id, 'synced')).checksum).toBe(sha256(noise(1_001, 'large')));
    await settings({ ...OFF, max_file_size: 104_857_600 });
  });

  it('of a watched folder are taken when they are quiet, in folders like their own', async () => {
    await settings({ ...OFF, sync_on_create: true });
    await mkdir(pathOf('watched/old'), { recursive: true });
    await writeFile(pathOf('watched/old/before.txt'), 'before');
    await mkdir(join(root, 'outside'));
    await writeFile(join(root, 'outside/secret.txt'), 'secret');
    await symlink(join(root, 'outside'), pathOf('watched/leaving'));
    await symlink(join(root, 'outside/secret.txt'), pathOf('watched/secret.txt'));
    const folder = await client.json<{ id: string }>('POST', '/api/v1/watched-folders', {
      path: pathOf('watched'),
      folder: 'w',
      exclude: ['*.part'],
    });
    const list = async () =>
      (
        await client.json<{ data: LocalFile[] }>(
          'GET',
          `/api/v1/local-files?watched_folder_id=${folder.id}&state=synced`,
        )
      ).data;
    const waitFor = (name: string, checksum: string) =>
      untilReady(
        name,
        async () => (await list()).some((file) => file.filename === name && file.checksum === checksum),
        { timeoutMs: WAIT_MS },
      );
    await waitFor('before.txt', sha256('before'));
    await mkdir(pathOf('watched/new/deep'), { recursive: true });
    await writeFile(pathOf('watched/new/deep/after.txt'), 'after');
    await writeFile(pathOf('watched/half.part'), 'half');
    await waitFor('after.txt', sha256('after'));
    await writeFile(pathOf('watched/new/deep/after.txt'), 'after all');
    await waitFor('after.txt', sha256('after all'));
    await rename(pathOf('watched/half.part'), pathOf('watched/whole.txt'));
    await waitFor('whole.txt', sha256('half'));
    const files = await list();
    expect(files.map((file) => file.folder + file.filename).sort()).toEqual([
      'w/new/deep/after.txt',
      'w/old/before.txt',
      'w/whole.txt',
    ]);

    await rm(pathOf('watched/whole.txt'));
    const whole = files.find(({ filename }) => filename === 'whole.txt')!;
    await reaches(whole.id, 'vanished');
    expect(await contentOf(whole.cloud_file_id)).toBe(sha256('half'));

    const shown = await client.json<object>('GET', `/api/v1/watched-folders/${folder.id}`);
    expect(shown).toMatchObject({ folder: 'w/', problem: null, unreadable_count: 0 });
    await client.json('PATCH', `/api/v1/watched-folders/${folder.id}`, { exclude: ['*'] });
    await client.json('DELETE', `/api/v1/watched-folders/${folder.id}`);
    expect((await client.fetch(`/api/v1/watched-folders/${folder.id}`)).status).toBe(404);
    await settings(OFF);
  });

  it('are nobody else’s, and end with their registration while the cloud file stays', async () => {
    await writeFile(pathOf('mine'), 'mine');
    const { id } = await register('mine');
    await client.json('POST', `/api/v1/local-files/${id}/upload`);
    const { cloud_file_id: cloudFileId } = await reaches(id, 'synced');
    const other = await client.otherUser();
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/upload'],
    ]) {
      expect((await other.fetch(`/api/v1/local-files/${id}${path}`, { method })).status).toBe(404);
    }
    await client.json('DELETE', `/api/v1/local-files/${id}`);
    expect((await client.fetch(`/api/v1/local-files/${id}`)).status).toBe(404);
    expect(await contentOf(cloudFileId)).toBe(sha256('mine'));
    const audit = await database.query<{ action: string }>(
      'SELECT action FROM audit_log WHERE subject = $1 ORDER BY id',
      [`local_file:${id}`],
    );
    expect(audit.rows.map(({ action }) => action)).toEqual([
      'local_file.registered',
      'local_file.unregistered',
    ]);
  });

  it.each([
    ['../outside/secret.txt', 403, 'local_files_not_allowed'],
    ['watched/leaving/secret.txt', 403, 'local_files_not_allowed'],
    ['watched/secret.txt', 403, 'local_files_not_allowed'],
    ['/etc/passwd', 403, 'local_files_not_allowed'],
    ['/etc/not-there', 403, 'local_files_not_allowed'],
    ['not-there', 400, 'local_file_not_found'],
    ['watched', 400, 'local_file_not_regular'],
    ['\0', 400, 'bad_request'],
    [7, 400, 'validation_failed'],
  ])('%j is refused with %i %s', async (name, status, code) => {
    const path = typeof name === 'string' && !name.startsWith('/') ? `${root}/in/${name}` : name;
    for (const kind of ['local-files', 'watched-folders']) {
      const response = await client.fetch(`/api/v1/${kind}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ path }),
      });
      if (kind === 'watched-folders' && name === 'watched') continue;
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
    }
  });

  it('go on after a restart in the middle, each once', async () => {
    await settings({ ...OFF, sync_on_create: true });
    const contents = new Map<string, string>();
    await mkdir(pathOf('many'));
    for (let at = 0; at < 40; at++) {
      const content = noise(200_000 + at * 10_000, `many ${at}`);
      await writeFile(pathOf(`many/${at}`), content);
      contents.set(String(at), sha256(content));
    }
    await database.query(
      `INSERT INTO pixe_files (user_id, filename, file_path, file_size)
        SELECT $1, n::text, $2 || '/' || n, 0 FROM generate_series(0, 39) n`,
      [client.server.userId, pathOf('many')],
    );
    const done = async () => {
      const statement = `SELECT count(*)::integer AS n FROM local_file_syncs s JOIN pixe_files f ON f.id = s.local_file_id
        WHERE s.state = 'synced' AND f.file_path LIKE $1`;
      return (await database.query<{ n: number }>(statement, [pathOf('many/%')])).rows[0]!.n;
    };
    await untilReady('Some files', async () => (await done()) > 0, { timeoutMs: WAIT_MS });
    await client.server.restart();
    await untilReady('All files', async () => (await done()) === 40, { timeoutMs: WAIT_MS });
    const stored = await database.query<{ filename: string; checksum: string; version: number }>(
      `SELECT filename, checksum, version FROM cloud_files WHERE state = 'stored' AND local_file_id IN
        (SELECT id FROM pixe_files WHERE file_path LIKE $1)`,
      [pathOf('many/%')],
    );
    expect(stored.rows).toHaveLength(40);
    for (const { filename, checksum, version } of stored.rows) {
      expect([checksum, version]).toEqual([contents.get(filename), 1]);
    }
  });
});
