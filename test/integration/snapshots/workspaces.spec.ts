import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DesiredStates } from '../../../src/agents/protocol/desired-states.service.js';
import type { FilesClient } from '../../e2e/files-client.js';
import { WorkspacesApp } from './workspaces-app.js';

interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly agent_id: string;
  readonly paused: boolean;
  readonly health: { state: string; reason: string; next_run_due_at: string | null };
  readonly repository: { id: string };
  readonly [member: string]: unknown;
}
interface Snapshot {
  readonly id: string;
  readonly tiers: string[];
  readonly is_protected: boolean;
}
type Client = FilesClient<{ readonly url: string }>;

const PATH = '/api/v1/workspaces';
const ABSENT = '00000000-0000-4000-8000-000000000000';

describe('workspaces', () => {
  let app: WorkspacesApp;
  let client: Client;
  let agent: string;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stowage-workspace-'));
    await mkdir(join(directory, 'open/sub'), { recursive: true });
    await mkdir(join(directory, 'closed'));
    await symlink(join(directory, 'closed'), join(directory, 'open/out'));
    await writeFile(join(directory, 'open/file'), 'content');
    app = await WorkspacesApp.start({
      WORKSPACE_ROOTS: join(directory, 'open'),
      ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1:9',
    });
    client = app.client;
    agent = await app.agent();
  });

  afterAll(async () => {
    await app?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  let count = 0;
  const create = (more: object = {}, by: Client = client): Promise<Workspace> =>
    by.json('POST', PATH, { name: `w${count++}`, path: '/srv/w', agent_id: agent, ...more });
  const read = (id: string, by: Client = client): Promise<Workspace> => by.json('GET', `${PATH}/${id}`);

  async function refusal(
    method: string,
    path: string,
    body?: object,
    by: Client = client,
  ): Promise<[number, string]> {
    const response = await by.fetch(path, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return [response.status, ((await response.json()) as { code: string }).code];
  }

  it('are made with their defaults and a repository in the bucket, and answer how safe they are', async () => {
    const made = await create({ name: 'first', path: '/srv//project/./x/' });
    expect(made).toMatchObject({
      name: 'first',
      path: '/srv/project/x',
      agent_id: agent,
      interval_seconds: 30,
      excludes: [],
      keep_policy: 'default',
      upload_bytes_per_second: null,
      paused: false,
      health: { state: 'waiting', reason: expect.stringMatching(/no snapshot yet/) },
      last_durable_at: null,
      age_seconds: null,
      rpo_goal_seconds: 60,
      last_run: null,
      newest_snapshot: null,
      restorability: { last_proven_at: null, sentence: expect.stringMatching(/^Never proven/) },
      provider_requests_per_snapshot: null,
      repository: { provider: 'local_disk', bucket_name: 'workspaces', stored_bytes: 0 },
      cost: { is_estimate: true, monthly_usd: 0 },
    });
    expect(await read(made.id)).toMatchObject({ id: made.id, counters: { snapshots: 0, runs: 0 } });
  });

  it('are listed in pages, in the order in which they were made, to their user alone', async () => {
    const other = await client.otherUser();
    await other.configure({ provider: 'local_disk', bucket_name: 'other' });
    const theirs = await app.agent(other);
    const made = [];
    for (let i = 0; i < 3; i += 1) made.push(await create({ agent_id: theirs }, other));
    const pages: string[][] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = `?limit=2${cursor && `&cursor=${cursor}`}`;
      const page: { data: Workspace[]; next_cursor: string | null } = await other.json(
        'GET',
        `${PATH}${query}`,
      );
      pages.push(page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(pages).toEqual([[made[0]!.id, made[1]!.id], [made[2]!.id]]);
    const id = made[0]!.id;
    for (const [method, path, body] of [
      ['GET', `${PATH}/${id}`],
      ['PATCH', `${PATH}/${id}`, { paused: true }],
      ['DELETE', `${PATH}/${id}`],
      ['GET', `${PATH}/${id}/snapshots`],
      ['POST', `${PATH}/${id}/snapshots`],
    ] as const) {
      expect(await refusal(method, path, body)).toEqual([404, 'not_found']);
      expect(await refusal(method, path.replace(id, ABSENT), body)).toEqual([404, 'not_found']);
      expect(await refusal(method, path.replace(id, '1'), body)).toEqual([400, 'validation_failed']);
    }
    expect((await read(id, other)).paused).toBe(false);
    // Nobody gives work to another user's agent.
    expect(await refusal('POST', PATH, { name: 'x', path: '/x', agent_id: theirs })).toEqual([
      400,
      'validation_failed',
    ]);
  });

  it.each<[string, object]>([
    ['a relative path', { path: 'srv' }],
    ['a path with a NUL', { path: '/a\0' }],
    ['a path that is too long', { path: `/${'a'.repeat(4_095)}` }],
    ['an interval below 5 s', { interval_seconds: 4 }],
    ['an interval above a day', { interval_seconds: 86_401 }],
    ['a keep policy that makes no sense', { keep_policy: { counts: { hourly: -2 } } }],
    ['an exclude of two lines', { excludes: ['a\nb'] }],
    ['an agent that there is not', { agent_id: ABSENT }],
    ['a name with a control character', { name: 'a\u0007' }],
    ['no bandwidth at all', { upload_bytes_per_second: 0 }],
    ['a field that is not the user’s', { health: 'protected' }],
  ])('are not made with %s', async (_, wrong) => {
    const before = await app.query('SELECT count(*) FROM repositories');
    const wanted = { name: `w${count++}`, path: '/srv/w', agent_id: agent, ...wrong };
    const [status] = await refusal('POST', PATH, wanted);
    expect(status).toBe(400);
    expect(await app.query('SELECT count(*) FROM repositories')).toEqual(before);
  });

  it('have names of their own', async () => {
    const made = await create({ name: 'one' });
    expect(await refusal('POST', PATH, { name: 'one', path: '/x', agent_id: agent })).toEqual([
      409,
      'name_taken',
    ]);
    const other = await create();
    expect(await refusal('PATCH', `${PATH}/${other.id}`, { name: 'one' })).toEqual([409, 'name_taken']);
    await client.fetch(`${PATH}/${made.id}`, { method: 'DELETE' });
    expect((await create({ name: 'one' })).name).toBe('one');
  });

  it('need an agent, and a bucket', async () => {
    expect(await refusal('POST', PATH, { name: 'x', path: '/x' })).toEqual([409, 'no_agent']);
    const other = await client.otherUser();
    const theirs = await app.agent(other);
    expect(await refusal('POST', PATH, { name: 'x', path: '/x', agent_id: theirs }, other)).toEqual([
      400,
      'cloud_not_configured',
    ]);
  });

  it('change field by field, only in the state that If-Match names, and tell the agent', async () => {
    const { id } = await create();
    const first = (await client.fetch(`${PATH}/${id}`)).headers.get('etag')!;
    const changed = await client.fetch(`${PATH}/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', 'if-match': first },
      body: JSON.stringify({ interval_seconds: 5, keep_policy: 'compact', upload_bytes_per_second: 65_536 }),
    });
    expect([changed.status, changed.headers.get('etag') === first]).toEqual([200, false]);
    expect(await changed.json()).toMatchObject({
      interval_seconds: 5,
      keep_policy: 'compact',
      upload_bytes_per_second: 65_536,
      paused: false,
    });
    const late = await client.fetch(`${PATH}/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', 'if-match': first },
      body: JSON.stringify({ paused: true }),
    });
    expect(late.status).toBe(412);
    await client.json('PATCH', `${PATH}/${id}`, { paused: true, upload_bytes_per_second: null });
    expect(await read(id)).toMatchObject({
      paused: true,
      upload_bytes_per_second: null,
      health: { state: 'paused', next_run_due_at: null },
    });
    const second = await app.agent();
    await client.json('PATCH', `${PATH}/${id}`, { agent_id: second, paused: false });
    expect(await read(id)).toMatchObject({ agent_id: second, path: '/srv/w', health: { state: 'waiting' } });
    expect(await refusal('PATCH', `${PATH}/${id}`, { agent_id: ABSENT })).toEqual([400, 'validation_failed']);
  });

  it('on the server’s own machine stay out of its data, and others than administrators in the roots', async () => {
    const embedded = await app.agent(client, { isEmbedded: true });
    try {
      const other = await client.otherUser();
      await other.configure({ provider: 'local_disk', bucket_name: 'third' });
      const open = join(directory, 'open');
      const free = await create({ agent_id: undefined, path: '/etc' });
      const confined = await create({ agent_id: undefined, path: open }, other);
      expect([free.agent_id, confined.agent_id]).toEqual([embedded, embedded]);
      // The agent asks again before each run where they lead to.
      const { workspaces } = await app.get(DesiredStates).of(embedded);
      expect(new Map(workspaces.map(({ id, bounds }) => [id, bounds]))).toEqual(
        new Map([
          [free.id, { roots: null, forbidden: [app.dataDir] }],
          [confined.id, { roots: [open], forbidden: [app.dataDir] }],
        ]),
      );
      const [{ dir }] = (await app.query<{ dir: string }>('SELECT $1::text AS dir', [app.dataDir])) as [
        { dir: string },
      ];
      const refused: [string, Client][] = [
        [dir, client],
        [join(dir, 'buckets'), client],
        ['/', client],
        [join(directory, 'closed'), other],
        [join(open, 'out/x'), other],
        ['/etc', other],
      ];
      for (const [path, by] of refused) {
        expect(await refusal('POST', PATH, { name: 'refused', path }, by)).toEqual([403, 'path_refused']);
      }
    } finally {
      await app.query('UPDATE agents SET is_embedded = false WHERE id = $1', [embedded]);
    }
  });

  it('go from the list when they are deleted, and their snapshots stay until that is asked for', async () => {
    const { id } = await create();
    const snapshot = await app.snapshot(id, join(directory, 'open'));
    expect((await client.fetch(`${PATH}/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await client.json<{ data: Workspace[] }>('GET', PATH)).data.map((one) => one.id)).not.toContain(
      id,
    );
    const gone = await client.json<{ data: Workspace[] }>('GET', `${PATH}?deleted=true&limit=1000`);
    expect(gone.data.map((one) => one.id)).toContain(id);
    expect((await snapshotsOf(id)).map((one) => one.id)).toEqual([snapshot]);
    expect(await refusal('PATCH', `${PATH}/${id}`, { paused: true })).toEqual([404, 'not_found']);
    expect(await refusal('DELETE', `${PATH}/${id}`)).toEqual([404, 'not_found']);

    await client.json('PATCH', `/api/v1/snapshots/${snapshot}`, { is_protected: true });
    expect(await refusal('DELETE', `${PATH}/${id}?delete_snapshots=true`)).toEqual([
      409,
      'snapshot_protected',
    ]);
    await client.json('PATCH', `/api/v1/snapshots/${snapshot}`, { is_protected: false });
    const repository = gone.data.find((one) => one.id === id)!.repository.id;
    const maintenance = await maintaining(repository);
    const asked = await client.fetch(`${PATH}/${id}?delete_snapshots=true`, { method: 'DELETE' });
    expect(asked.status).toBe(202);
    await maintenance.isWaitedFor('workspace.delete');
    expect(await objectsOf(id)).not.toEqual([]);
    await maintenance.end();
    expect(await jobAt(asked)).toMatchObject({ state: 'succeeded', kind: 'workspace.delete' });
    expect(await app.query('SELECT count(*)::int AS n FROM snapshots WHERE workspace_id = $1', [id])).toEqual(
      [{ n: 0 }],
    );
    expect(await objectsOf(id)).toEqual([]);
  });

  describe('the snapshots of one', () => {
    it('are listed newest first with their tiers, filtered, in pages, and from rows alone', async () => {
      const { id } = await create();
      const snapshots: string[] = [];
      for (const daysAgo of [5, 2, 1, 0]) {
        await writeFile(join(directory, 'open/file'), `content ${daysAgo}`);
        const receivedAt = new Date(Date.now() - daysAgo * 86_400_000);
        snapshots.unshift(
          await app.snapshot(id, join(directory, 'open'), { receivedAt, isProtected: daysAgo === 2 }),
        );
      }
      await app.query("UPDATE repositories SET sealed_password = 'lost' WHERE id = $1", [
        (await read(id)).repository.id,
      ]);
      const all = await snapshotsOf(id);
      expect(all.map((one) => one.id)).toEqual(snapshots);
      expect(all[0]!.tiers).toEqual(expect.arrayContaining(['within', 'newest']));
      expect(all[2]!.tiers).toContain('protected');
      const ids = async (query: string) => (await snapshotsOf(id, query)).map((one) => one.id);
      expect(await ids('?protected=true')).toEqual([snapshots[2]]);
      const dayAgo = new Date(Date.now() - 1.5 * 86_400_000).toISOString();
      expect(await ids(`?since=${dayAgo}`)).toEqual(snapshots.slice(0, 2));
      expect(await ids(`?until=${dayAgo}`)).toEqual(snapshots.slice(2));
      const page = await client.json<{ next_cursor: string }>('GET', `${PATH}/${id}/snapshots?limit=3`);
      expect(await ids(`?limit=3&cursor=${page.next_cursor}`)).toEqual(snapshots.slice(3));
      const settings = await client.json<{ stats: { total_snapshots: number } }>(
        'GET',
        '/api/v1/settings/cloud-storage',
      );
      expect(settings.stats.total_snapshots).toBeGreaterThanOrEqual(4);
    });

    it('can be protected, tagged and deleted; the newest and protected ones refuse', async () => {
      const { id } = await create();
      const snapshots: string[] = [];
      for (const text of ['1', '2']) {
        await writeFile(join(directory, 'open/file'), text);
        snapshots.push(await app.snapshot(id, join(directory, 'open')));
      }
      const [older, newest] = snapshots as [string, string];
      expect(
        await client.json('PATCH', `/api/v1/snapshots/${older}`, { is_protected: true, tags: ['x'] }),
      ).toMatchObject({ is_protected: true, tags: ['x'], tiers: expect.arrayContaining(['protected']) });
      expect(await refusal('DELETE', `/api/v1/snapshots/${older}`)).toEqual([409, 'snapshot_protected']);
      expect(await refusal('DELETE', `/api/v1/snapshots/${newest}`)).toEqual([409, 'newest_snapshot']);
      await client.json('PATCH', `/api/v1/snapshots/${older}`, { is_protected: false });
      const [{ object }] = (await app.query<{ object: string }>(
        "SELECT encode(object_id, 'hex') AS object FROM snapshots WHERE id = $1",
        [older],
      )) as [{ object: string }];
      const maintenance = await maintaining((await read(id)).repository.id);
      const asked = await client.fetch(`/api/v1/snapshots/${older}`, { method: 'DELETE' });
      expect(asked.status).toBe(202);
      expect(await refusal('GET', `/api/v1/snapshots/${older}`)).toEqual([404, 'not_found']);
      await maintenance.isWaitedFor('snapshot.delete');
      expect((await objectsOf(id)).some((key) => key.includes(object))).toBe(true);
      await maintenance.end();
      expect(await jobAt(asked)).toMatchObject({ state: 'succeeded', kind: 'snapshot.delete' });
      const left = await objectsOf(id);
      expect(left.filter((key) => key.includes('/snapshots/'))).toHaveLength(1);
      expect(left.some((key) => key.includes(object))).toBe(false);
      const other = await client.otherUser();
      for (const [method, body] of [['GET'], ['PATCH', { tags: [] }], ['DELETE']] as const) {
        expect(await refusal(method, `/api/v1/snapshots/${newest}`, body, other)).toEqual([404, 'not_found']);
      }
    });

    it('are taken when somebody asks, once for all who ask meanwhile', async () => {
      const { id } = await create({ paused: true });
      const [first, second] = [
        await client.fetch(`${PATH}/${id}/snapshots`, { method: 'POST' }),
        await client.fetch(`${PATH}/${id}/snapshots`, { method: 'POST' }),
      ];
      expect([first.status, first.headers.get('location')]).toEqual([202, second.headers.get('location')]);
      const job = (await first.json()) as { id: string };
      expect(job).toMatchObject({ kind: 'snapshot.take', state: 'queued', subject: `workspace:${id}` });
      const [row] = await app.query('SELECT requested_run_id FROM workspaces WHERE id = $1', [id]);
      expect(row).toEqual({ requested_run_id: job.id });
    });
  });

  async function snapshotsOf(id: string, query = ''): Promise<Snapshot[]> {
    return (await client.json<{ data: Snapshot[] }>('GET', `${PATH}/${id}/snapshots${query}`)).data;
  }

  /** The job that an answer points to, once it has ended. */
  async function jobAt(answer: Response): Promise<unknown> {
    for (;;) {
      const job = await client.json<{ finished_at: string | null }>('GET', answer.headers.get('location')!);
      if (job.finished_at !== null) return job;
      await sleep(50);
    }
  }

  /** As if another process maintained the repository. */
  async function maintaining(repositoryId: string) {
    await maintainedUntil(repositoryId, 'infinity');
    return {
      end: () => maintainedUntil(repositoryId, '-infinity'),
      /** Until a job of this task has found that out, and was put off. */
      async isWaitedFor(task: string): Promise<void> {
        const waiting = `SELECT FROM graphile_worker.jobs WHERE task_identifier = $1 AND run_at > created_at`;
        while ((await app.query(waiting, [task])).length === 0) await sleep(50);
      },
    };
  }

  async function maintainedUntil(repositoryId: string, until: string): Promise<void> {
    await app.query(
      'UPDATE repositories SET maintained_by = gen_random_uuid(), maintained_until = $2 WHERE id = $1',
      [repositoryId, until],
    );
  }

  async function objectsOf(workspaceId: string): Promise<string[]> {
    return app.objects((await read(workspaceId)).repository.id);
  }
});
