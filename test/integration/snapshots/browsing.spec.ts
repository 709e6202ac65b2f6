import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { noise } from '../../support/noise.js';
import { readZip } from '../../support/read-zip.js';
import { WorkspacesApp } from './workspaces-app.js';

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly raw_path: string | null;
  readonly type: string;
  readonly size_bytes: number | null;
}
interface Page<T> {
  readonly data: T[];
  readonly next_cursor: string | null;
}

const LARGE = noise(3_000_000, 'large');
const ODD = Buffer.of(0x6f, 0xff);

describe('what lies in snapshots', () => {
  let app: WorkspacesApp;
  let directory: string;
  let workspace: string;
  let older: string;
  let newer: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stowage-browsed-'));
    await mkdir(join(directory, 'd/deep'), { recursive: true });
    await writeFile(join(directory, 'd/large'), LARGE);
    await writeFile(join(directory, 'd/deep/empty'), '');
    await writeFile(join(directory, 'd/back\\slash'), 'x');
    await writeFile(Buffer.concat([Buffer.from(`${directory}/d/`), ODD]), 'odd');
    await symlink('../a', join(directory, 'd/link'));
    await writeFile(join(directory, 'a'), 'one');
    await utimes(join(directory, 'a'), 1_700_000_000, 1_700_000_000);
    app = await WorkspacesApp.start();
    const agent = await app.agent();
    const made = await app.client.json<{ id: string }>('POST', '/api/v1/workspaces', {
      name: 'browsed',
      path: '/srv/browsed',
      agent_id: agent,
    });
    workspace = made.id;
    older = await app.snapshot(workspace, directory);
    await writeFile(join(directory, 'a'), 'two');
    await writeFile(join(directory, 'b'), 'new');
    newer = await app.snapshot(workspace, directory);
  });

  afterAll(async () => {
    await app?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const get = <T>(path: string): Promise<T> => app.client.json('GET', `/api/v1/${path}`);
  const fetched = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    app.client.fetch(`/api/v1/${path}`, { headers });
  const entries = (id: string, query = '') => get<Page<Entry>>(`snapshots/${id}/entries${query}`);

  it('is listed by directory, in pages', async () => {
    const root = await entries(newer);
    expect(root.data.map(({ name, path, type }) => [name, path, type])).toEqual([
      ['a', '/a', 'file'],
      ['b', '/b', 'file'],
      ['d', '/d', 'dir'],
    ]);
    expect((await entries(older)).data[0]).toMatchObject({
      size_bytes: 3,
      modified_at: '2023-11-14T22:13:20.000Z',
      mode: expect.stringMatching(/^0[0-7]{3}$/),
      link_target: null,
    });
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page<Entry> = await entries(newer, `?path=d&limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(2);
      names.push(...page.data.map(({ name }) => name));
      cursor = page.next_cursor;
    }
    expect(names).toEqual(['back\\slash', 'deep', 'large', 'link', 'o\ufffd']);
  });

  it('can be named by bytes that are no UTF-8', async () => {
    const odd = (await entries(newer, '?path=d')).data.at(-1)!;
    expect(odd.raw_path).not.toBeNull();
    const content = await fetched(`snapshots/${newer}/content?raw_path=${odd.raw_path}`);
    expect(await content.text()).toBe('odd');
  });

  it('is downloaded file by file, whole or in ranges, and not again while it is the same', async () => {
    const whole = await fetched(`snapshots/${newer}/content?path=d/large`);
    expect(Buffer.from(await whole.arrayBuffer()).equals(LARGE)).toBe(true);
    expect([whole.headers.get('content-length'), whole.headers.get('content-disposition')]).toEqual([
      String(LARGE.length),
      'attachment; filename=large',
    ]);
    const part = await fetched(`snapshots/${newer}/content?path=d/large`, { range: 'bytes=1000000-2000000' });
    expect([part.status, part.headers.get('content-range')]).toEqual([
      206,
      `bytes 1000000-2000000/${LARGE.length}`,
    ]);
    expect(Buffer.from(await part.arrayBuffer()).equals(LARGE.subarray(1_000_000, 2_000_001))).toBe(true);
    const etag = whole.headers.get('etag')!;
    const again = await fetched(`snapshots/${older}/content?path=d/large`, { 'if-none-match': etag });
    expect(again.status).toBe(304);
    const none = await fetched(`snapshots/${newer}/content?path=d/large`, { range: 'bytes=9999999-' });
    expect(none.status).toBe(416);
    expect(await (await fetched(`snapshots/${newer}/content?path=d/deep/empty`)).text()).toBe('');
  });

  it('is downloaded as an archive, links as links, and a note about what was renamed', async () => {
    const answer = await fetched(`snapshots/${newer}/archive`);
    expect([
      answer.status,
      answer.headers.get('content-type'),
      answer.headers.get('content-disposition'),
    ]).toEqual([200, 'application/zip', 'attachment; filename=browsed.zip']);
    const files = readZip(Buffer.from(await answer.arrayBuffer()));
    expect([...files.keys()].sort()).toEqual([
      'a',
      'b',
      'd/',
      'd/back_slash',
      'd/deep/',
      'd/deep/empty',
      'd/large',
      'd/link',
      'd/o\ufffd',
      'stowage-left-out.txt',
    ]);
    expect(files.get('d/large')!.content.equals(LARGE)).toBe(true);
    expect(files.get('d/link')).toMatchObject({ content: Buffer.from('../a'), mode: 0o120777 });
    expect(files.get('a')!.content.toString()).toBe('two');
    expect(files.get('stowage-left-out.txt')!.content.toString()).toMatch(/is called d\/back_slash/);
    const below = readZip(
      Buffer.from(await (await fetched(`snapshots/${newer}/archive?path=d/deep`)).arrayBuffer()),
    );
    expect([...below.keys()]).toEqual(['empty']);
  });

  it('is compared with the snapshot before, or with another one', async () => {
    const diff = await get<Page<{ kind: string; before: Entry | null; after: Entry | null }>>(
      `snapshots/${newer}/diff`,
    );
    expect(diff).toMatchObject({ from_snapshot_id: older, to_snapshot_id: newer, next_cursor: null });
    expect(diff.data.map(({ kind, before, after }) => [kind, before?.path, after?.path])).toEqual([
      ['modified', '/a', '/a'],
      ['added', undefined, '/b'],
    ]);
    const back = await get<Page<{ kind: string }>>(`snapshots/${older}/diff?against=${newer}&limit=1`);
    expect(back.data).toMatchObject([{ kind: 'modified' }]);
    const next = await get<Page<{ kind: string }>>(
      `snapshots/${older}/diff?against=${newer}&limit=1&cursor=${back.next_cursor}`,
    );
    expect([next.data, next.next_cursor]).toMatchObject([[{ kind: 'removed' }], null]);
    expect((await fetched(`snapshots/${older}/diff`)).status).toBe(409);
  });

  it('is told of one file through all snapshots', async () => {
    const versions = await get<{ data: object[] }>(`workspaces/${workspace}/versions?path=a`);
    expect(versions).toMatchObject({ absent_from: 0, examined_snapshots: 2, is_complete: true });
    expect(versions.data).toMatchObject([
      { newest_snapshot_id: newer, snapshot_count: 1 },
      { newest_snapshot_id: older, oldest_snapshot_id: older },
    ]);
    expect(await get(`workspaces/${workspace}/versions?path=b`)).toMatchObject({ absent_from: 1 });
  });

  it('sees a snapshot that was made after the index was loaded', async () => {
    await writeFile(join(directory, 'late'), noise(100_000, 'late'));
    const late = await app.snapshot(workspace, directory);
    const content = await fetched(`snapshots/${late}/content?path=late`);
    expect(Buffer.from(await content.arrayBuffer()).equals(noise(100_000, 'late'))).toBe(true);
    await rm(join(directory, 'late'));
  });

  it.each([
    ['entries?path=nowhere', 404, 'path_not_found'],
    ['entries?path=a', 404, 'path_not_found'],
    ['entries?path=d/link', 404, 'path_not_found'],
    ['entries?path=../etc', 404, 'path_not_found'],
    ['entries?path=a&raw_path=YQ', 400, 'validation_failed'],
    ['entries?raw_path=%20', 400, 'validation_failed'],
    ['entries?cursor=oops', 400, 'validation_failed'],
    ['content', 404, 'path_not_found'],
    ['content?path=d', 404, 'path_not_found'],
    ['archive?path=a', 404, 'path_not_found'],
    ['diff?against=oops', 400, 'validation_failed'],
    ['diff?against=00000000-0000-4000-8000-000000000000', 404, 'not_found'],
  ])('is not found at %s', async (path, status, code) => {
    const answer = await fetched(`snapshots/${newer}/${path}`);
    expect([answer.status, await answer.json()]).toEqual([status, expect.objectContaining({ code })]);
  });

  it('is nobody else’s', async () => {
    const other = await app.client.otherUser();
    for (const path of ['entries', 'diff', 'content?path=a', 'archive'].map(
      (what) => `snapshots/${newer}/${what}`,
    )) {
      expect((await other.fetch(`/api/v1/${path}`)).status).toBe(404);
    }
    expect((await other.fetch(`/api/v1/workspaces/${workspace}/versions?path=a`)).status).toBe(404);
  });

  it('breaks the download of what is damaged in the bucket, and has the pack looked into', async () => {
    const packs = join(app.dataDir, 'buckets');
    const files = (await readdir(packs, { recursive: true })).filter((name) =>
      /\/data\/..\/[\da-f]{64}$/.test(name),
    );
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) await writeFile(join(packs, name), Buffer.alloc(100_000));
    await app.query(
      `INSERT INTO unproven_packs (repository_id, agent_id, id)
        SELECT w.repository_id, w.agent_id, decode(right(named.id, 64), 'hex')
          FROM workspaces w, unnest($2::text[]) AS named (id) WHERE w.id = $1`,
      [workspace, files],
    );
    const answer = fetched(`snapshots/${newer}/content?path=d/large`).then((response) =>
      response.arrayBuffer(),
    );
    await expect(answer).rejects.toThrow();
    for (;;) {
      const [{ suspects } = { suspects: 0 }] = await app.query<{ suspects: number }>(
        'SELECT count(*)::integer AS suspects FROM unproven_packs WHERE is_suspect',
      );
      if (suspects > 0) break;
      await sleep(20);
    }
  });
});
