import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { LeaseGrant, OrderedRequest } from '../../src/agent-protocol/messages.js';
import { MAX_ORDERED_BYTES, MAX_ORDERS } from '../../src/agent-protocol/protocol.js';
import { forgedCommit, HostileAgent, newFile, type Refusable } from '../support/hostile-agent.js';
import { misusesOfGet, misusesOfPut, use, type UrlUse } from '../support/url-misuse.js';
import { HostProcess } from '../support/host-process.js';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { noise } from '../support/noise.js';
import { tryRestic } from '../support/restic.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import { startServer, type TestServer } from '../support/server.js';
import { spoiledIndexes } from '../support/spoiled-indexes.js';

const INTERVAL_SECONDS = 5;
const REQUESTS_PER_MINUTE = 1_200;
/** Beyond the life of every URL. */
const LATER_MS = 16 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

interface Workspace {
  readonly id: string;
  readonly repository: { readonly prefix: string };
}

interface Snapshot {
  readonly id: string;
  readonly received_at: string;
}

/*
 * A host was taken over, after honest snapshots: its owner's key, its lease, every URL that it is given. Nothing that
 * was stored before may change, and nothing may be reached that is not this workspace's.
 */
describe('a host in hostile hands', () => {
  let double: S3Double;
  let server: TestServer;
  let database: pg.Client;
  let hostile: HostileAgent;
  let neighbourAgent: HostileAgent;
  let neighbourAgentId: string;
  let taken: Workspace;
  let neighbour: Workspace;
  let lease: LeaseGrant;
  let before: ReadonlyMap<string, string>;
  const hosts: HostProcess[] = [];
  const beganMs = Date.now();

  beforeAll(async () => {
    double = await startS3Double();
    server = await startServer({
      env: {
        ALLOWED_PRIVATE_ENDPOINTS: `127.0.0.1:${double.port}`,
        EMBEDDED_AGENT: 'false',
        RATE_LIMIT_PER_KEY: String(REQUESTS_PER_MINUTE),
      },
    });
    database = new pg.Client({ connectionString: server.databaseUrl });
    await database.connect();
    await asOwner('PUT', '/api/v1/settings/cloud-storage', {
      ...{
        provider: 's3_compatible',
        bucket_name: double.bucket,
        endpoint: double.endpoint,
        region: double.region,
      },
      access_key_id: double.credentials.accessKeyId,
      secret_access_key: double.credentials.secretAccessKey,
      force_path_style: true,
    });
    await asOwner('POST', '/api/v1/settings/cloud-storage/test');
    const [mine, theirs] = [await honestHost('taken'), await honestHost('neighbour')];
    taken = mine.workspace;
    neighbour = theirs.workspace;
    neighbourAgentId = theirs.agentId;
    hostile = new HostileAgent(server.url, mine.key);
    neighbourAgent = new HostileAgent(server.url, theirs.key);
    before = objects();
    lease = await hostile.takeLease(taken.id);
  }, 180_000);

  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.remove()));
    await database.end();
    await server.stop();
    await double.stop();
  });

  /** The real agent makes two snapshots and stops; whoever comes next finds its key. */
  async function honestHost(name: string): Promise<{ workspace: Workspace; key: string; agentId: string }> {
    const host = new HostProcess();
    hosts.push(host);
    for (let at = 0; at < 30; at += 1) {
      mkdirSync(join(host.workspace, `d${at % 5}`), { recursive: true });
      writeFileSync(join(host.workspace, `d${at % 5}/f${at}`), noise(20_000 + at, `${name} ${at}`));
    }
    const { token } = await asOwner<{ token: string }>('POST', '/api/v1/agents/enrolment-tokens', { name });
    expect(await host.enrol(server.url, token)).toMatchObject({ code: 0 });
    const identity = JSON.parse(readFileSync(join(host.dataDir, 'agent.json'), 'utf8')) as {
      api_key: string;
      agent_id: string;
    };
    host.start();
    const { api_key: key, agent_id: agentId } = identity;
    const wanted = { name, path: host.workspace, agent_id: agentId, interval_seconds: INTERVAL_SECONDS };
    const workspace = await asOwner<Workspace>('POST', '/api/v1/workspaces', wanted);
    await snapshotsOf(workspace, 1);
    writeFileSync(join(host.workspace, 'later'), noise(50_000, `${name} later`));
    await snapshotsOf(workspace, 2);
    await host.end();
    return { workspace, key, agentId };
  }

  async function asOwner<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${server.adminKey}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  async function snapshotsOf({ id }: Workspace, atLeast: number): Promise<Snapshot[]> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const { data } = await asOwner<{ data: Snapshot[] }>('GET', `/api/v1/workspaces/${id}/snapshots`);
      if (data.length >= atLeast) return data;
      if (performance.now() > deadline)
        throw new Error(`no snapshot: ${hosts.map((host) => host.output()).join('\n')}`);
      await sleep(200);
    }
  }

  /** What lies in the bucket: another version is another object, whatever its bytes. */
  function objects(): Map<string, string> {
    const { store, bucket } = double;
    return new Map(keysInBucket(double).map((key) => [key, store.find(bucket, key)!.versionId]));
  }

  const keyOf = (kind: string, prefix = taken.repository.prefix) =>
    [...before.keys()].find((key) => key.includes(`${prefix}/${kind}`))!;
  const isForged = (at: string) => Math.abs(Date.parse(at) - beganMs) > DAY_MS / 2;
  const idIn = (key: string) => key.split('/').at(-1)!;
  const hold = () => ({ workspace_id: lease.workspace_id, fencing: lease.fencing });
  const refusals = (answers: readonly Refusable[]) => answers.map(({ status, code }) => `${status} ${code}`);

  it('has honest snapshots behind it', () => {
    for (const { repository } of [taken, neighbour]) {
      const kinds = ['config', 'keys/', 'data/', 'index/', 'snapshots/'];
      expect(kinds.map((kind) => keyOf(kind, repository.prefix) !== undefined)).toEqual(
        kinds.map(() => true),
      );
    }
  });

  it('orders nothing but files of its own repository, and stores nothing but packs', async () => {
    const id = idIn(keyOf('data/'));
    const { order } = newFile();
    const foreign = { workspace_id: neighbour.id, fencing: 1 };
    const wrong: [object, object][] = [
      ...['key', 'keys', 'config', 'lock', 'locks', '../config', '', null].map((kind): [object, object] => [
        hold(),
        { gets: [{ kind, id }] },
      ]),
      ...['key', 'config', 'snapshot', 'lock', 'index', '../snapshots'].map((kind): [object, object] => [
        hold(),
        { puts: [{ ...order, kind }] },
      ]),
      ...[
        '../config',
        `../../${neighbour.repository.prefix}/config`,
        id.toUpperCase(),
        id.slice(1),
        `${id}/..`,
        '',
        7,
      ].map((name): [object, object] => [hold(), { gets: [{ kind: 'pack', id: name }] }]),
      [hold(), { puts: [{ ...order, id: '../../config' }] }],
      [hold(), { puts: [{ ...order, size_bytes: MAX_ORDERED_BYTES + 1 }] }],
      [hold(), { puts: [{ ...order, size_bytes: -1 }] }],
      [hold(), { puts: [order, order] }],
      [hold(), { puts: Array.from({ length: MAX_ORDERS + 1 }, () => newFile(16).order) }],
      [foreign, { gets: [{ kind: 'pack', id }] }],
      [foreign, { puts: [order] }],
      [{ ...hold(), fencing: lease.fencing + 1 }, { puts: [order] }],
      [{ ...hold(), fencing: lease.fencing - 1 }, { gets: [{ kind: 'pack', id }] }],
      [{ restore_id: randomUUID() }, { gets: [{ kind: 'pack', id }] }],
      [{ restore_id: taken.id }, { gets: [{ kind: 'pack', id }] }],
    ];
    const answers = await Promise.all(
      wrong.map(([access, wanted]) => hostile.tell('orders', { access, ...wanted })),
    );
    const passed = answers.filter(({ status }) => status < 400);
    expect(refusals(passed)).toEqual([]);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const lists = ['pack', 'key', 'config', 'lock'].map((kind) =>
      hostile.tell('listFiles', { access: hold(), kind }),
    );
    const elsewhere = hostile.tell('listFiles', { access: foreign, kind: 'index' });
    for (const { status } of await Promise.all([...lists, elsewhere]))
      expect(status).toBeGreaterThanOrEqual(400);
    expect((await hostile.tell('lease', { workspace_id: neighbour.id })).status).toBe(404);
  });

  it('cannot order another content for a pack that is stored', async () => {
    const id = idIn(keyOf('data/'));
    const { order, bytes } = newFile();
    const answer = await hostile.tell('orders', { access: hold(), puts: [{ ...order, id }] });
    const { puts = [] } = (answer.body ?? {}) as { puts?: OrderedRequest[] };
    for (const put of puts) expect(await use({ ...put, body: bytes })).toBeGreaterThanOrEqual(400);
    expect(objects().get(keyOf('data/'))).toBe(before.get(keyOf('data/')));
  });

  it('can use a URL for what it was given for, and for nothing else, not even later', async () => {
    const pack = newFile();
    const stored = idIn(keyOf('data/'));
    const answer = await hostile.order(hold(), {
      puts: [pack.order],
      gets: [
        { kind: 'pack', id: stored },
        { kind: 'index', id: idIn(keyOf('index/')) },
        { kind: 'snapshot', id: idIn(keyOf('snapshots/')) },
      ],
    });
    const places = [...before.keys(), ''].map((key) => `/${double.bucket}/${key}`);
    const uses = [
      ...answer.puts.flatMap((put) => misusesOfPut(put, pack.bytes, places)),
      ...answer.gets.flatMap((get) => misusesOfGet(get, pack.bytes, places)),
    ];
    expect(uses.length).toBeGreaterThan(120);
    const successes: UrlUse[] = [];
    for (const other of uses) {
      const status = await use(other);
      if (status > 0 && status < 400) successes.push(other);
    }
    expect(successes).toEqual([]);

    for (const get of answer.gets) expect(await use(get)).toBe(200);
    const put = answer.puts[0]!;
    expect(await use({ ...put, body: pack.bytes })).toBe(200);
    // The same bytes once more: create-only.
    expect(await use({ ...put, body: pack.bytes })).toBeGreaterThanOrEqual(400);
    double.clockOffsetMs = LATER_MS;
    for (const get of answer.gets) expect(await use(get)).toBe(403);
    for (const late of answer.puts) expect(await use({ ...late, body: pack.bytes })).toBe(403);
    double.clockOffsetMs = 0;
  });

  it('cannot spoil the index for everybody', async () => {
    const { order } = newFile();
    const byOrder = { access: hold(), puts: [{ ...order, kind: 'index' }] };
    const foreignPack = idIn(keyOf('data/', neighbour.repository.prefix));
    const spoiled = await spoiledIndexes({ lease, index: idIn(keyOf('index/')), foreignPack });
    const accesses = [
      hold(),
      { ...hold(), fencing: lease.fencing + 1 },
      { workspace_id: neighbour.id, fencing: 1 },
    ];
    const indexes = () => [...objects().keys()].filter((key) => key.includes('/index/'));
    const untouched = indexes();
    const answers = await Promise.all([
      hostile.tell('orders', byOrder),
      ...accesses.flatMap((access) =>
        spoiled.map(({ id, bytes }) =>
          hostile.tell('storeIndex', { access, id, bytes: bytes.toString('base64') }),
        ),
      ),
    ]);
    expect(new Set(refusals(answers))).toEqual(
      new Set(['400 validation_failed', '403 order_refused', '409 commit_refused', '409 lease_lost']),
    );
    expect(indexes()).toEqual(untouched);
  });

  it('makes no snapshot of what it did not store, nor in another’s name, nor again', async () => {
    const { rows } = await database.query<{ run_id: string; generation: number }>(
      'SELECT s.run_id, r.generation FROM snapshots s JOIN workspaces w ON w.id = s.workspace_id JOIN repositories r ON r.id = w.repository_id WHERE w.id = $1',
      [taken.id],
    );
    const theirs = idIn(keyOf('data/', neighbour.repository.prefix));
    const forged = [
      forgedCommit(lease, { files: [newFile().order.id] }),
      forgedCommit(lease, { files: [theirs] }),
      forgedCommit(lease, { files: ['../config'] }),
      forgedCommit(lease, { run_id: rows[0]!.run_id }),
      forgedCommit(lease, { fencing: lease.fencing - 1 }),
      forgedCommit(lease, { fencing: lease.fencing + 1 }),
      forgedCommit(lease, { generation: lease.generation + 1 }),
      forgedCommit(lease, { generation: lease.generation - 1 }),
      forgedCommit(lease, { workspace_id: neighbour.id }),
      forgedCommit(lease, { workspace_id: randomUUID() }),
      forgedCommit(lease, { tree: 'no tree' }),
      forgedCommit(lease, { parent: '../x' }),
      forgedCommit(lease, { started_ms_ago: -DAY_MS }),
    ];
    const answers = await Promise.all(forged.map((commit) => hostile.tell('commit', commit)));
    expect(refusals(answers.filter(({ status }) => status < 400 || status >= 500))).toEqual([]);
    expect(await snapshotsOf(taken, 2)).toHaveLength(rows.length);
    expect(await snapshotsOf(neighbour, 2)).toHaveLength(2);
  });

  it('cannot say when a snapshot was made', async () => {
    // Of a tree that is really there, so that nothing but the time is a lie.
    const { rows } = await database.query<{ tree: string }>(
      "SELECT encode(tree, 'hex') AS tree FROM snapshots WHERE workspace_id = $1 LIMIT 1",
      [taken.id],
    );
    const backdated = forgedCommit(lease, { tree: rows[0]!.tree, started_ms_ago: 3_650 * DAY_MS });
    const { status } = await hostile.tell('commit', backdated);
    const times = (await snapshotsOf(taken, 2)).map((snapshot) => snapshot.received_at);
    expect(times.map(isForged)).toEqual(Array.from({ length: status < 400 ? 3 : 2 }, () => false));
  });

  it('does nothing any more once its lease has gone to another', async () => {
    const { url } = (await hostile.order(hold(), { puts: [newFile().order] })).puts[0]!;
    expect(url).toContain(double.endpoint);
    await asOwner('PATCH', `/api/v1/workspaces/${taken.id}`, { agent_id: neighbourAgentId });
    await database.query(
      'UPDATE leases SET expires_at = now() FROM workspaces w WHERE w.repository_id = leases.repository_id AND w.id = $1',
      [taken.id],
    );
    const late = [
      () => hostile.tell('commit', forgedCommit(lease)),
      () => hostile.tell('orders', { access: hold(), puts: [newFile().order] }),
      () => hostile.tell('orders', { access: hold(), gets: [{ kind: 'pack', id: idIn(keyOf('data/')) }] }),
      () => hostile.tell('listFiles', { access: hold(), kind: 'snapshot' }),
      () => hostile.tell('lease', { workspace_id: taken.id }),
    ];
    const refusedAll = async () => {
      const answers = await Promise.all(late.map((ask) => ask()));
      expect(refusals(answers.filter(({ status }) => status < 400 || status >= 500))).toEqual([]);
    };
    await refusedAll();
    const theirs = await neighbourAgent.takeLease(taken.id);
    expect(theirs.fencing).toBeGreaterThan(lease.fencing);
    await refusedAll();
    const stolen = await hostile.tell('commit', forgedCommit(lease, { fencing: theirs.fencing }));
    expect(stolen.code).toBe('lease_lost');
    const beat = await hostile.tell('heartbeat', {
      ...{ runs: [], restores: [] },
      leases: [hold(), { ...hold(), fencing: theirs.fencing }],
    });
    expect(beat).toMatchObject({ status: 200, body: { leases: [] } });
    await hostile.tell('releaseLease', { ...hold(), fencing: theirs.fencing });
    const kept = await neighbourAgent.tell('heartbeat', {
      ...{ runs: [], restores: [] },
      leases: [{ workspace_id: taken.id, fencing: theirs.fencing }],
    });
    expect(kept).toMatchObject({ status: 200, body: { leases: [{ workspace_id: taken.id }] } });
  });

  it('opens nothing with its key but agents’ routes', async () => {
    const [snapshot] = await snapshotsOf(taken, 1);
    const routes: [string, string, object?][] = [
      ['GET', '/api/v1/workspaces'],
      ['PATCH', `/api/v1/workspaces/${taken.id}`, { paused: true }],
      ['DELETE', `/api/v1/workspaces/${taken.id}?delete_snapshots=true`],
      ['POST', `/api/v1/workspaces/${taken.id}/repository-password`],
      ['DELETE', `/api/v1/snapshots/${snapshot!.id}`],
      ['GET', '/api/v1/settings/cloud-storage'],
      ['DELETE', '/api/v1/settings/cloud-storage'],
      ['POST', '/api/v1/agents/enrolment-tokens', { name: 'one more' }],
      ['POST', '/api/v1/api-keys', { name: 'more', kind: 'admin' }],
      ['GET', '/api/v1/webhooks'],
      ['GET', '/api/v1/files'],
      ['GET', '/api/v1/audit'],
      ['GET', '/metrics'],
    ];
    const answers = await Promise.all(routes.map(([method, path, body]) => hostile.ask(method, path, body)));
    expect(answers.map(({ status }) => status)).toEqual(routes.map(() => 403));
  });

  it('floods itself out, and nobody else', async () => {
    const statuses: number[] = [];
    const flood = async (): Promise<void> => {
      for (let at = 0; at < 100; at += 1) {
        const { status } = await hostile.tell('heartbeat', { runs: [], restores: [], leases: [] });
        statuses.push(status);
      }
    };
    await Promise.all(Array.from({ length: 30 }, flood));
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(2 * REQUESTS_PER_MINUTE);
    expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
    const other = await neighbourAgent.tell('heartbeat', { runs: [], restores: [], leases: [] });
    expect(other.status).toBe(200);
  });

  it('has changed nothing that was there before', async () => {
    const now = objects();
    expect([...before].filter(([key, version]) => now.get(key) !== version)).toEqual([]);
    const inTaken = `${taken.repository.prefix}/`;
    const added = [...now.keys()].filter((key) => !before.has(key));
    expect(
      added.filter((key) => !/(?:data\/..|snapshots)\/[0-9a-f]{64}$/.test(key) || !key.includes(inTaken)),
    ).toEqual([]);
    for (const workspace of [taken, neighbour]) {
      const path = `/api/v1/workspaces/${workspace.id}/repository-password`;
      const told = await asOwner<{ location: string; password: string }>('POST', path);
      const run = (...args: string[]) => stockRestic(told, args);
      const listed = JSON.parse(await run('snapshots', '--json')) as { time: string }[];
      expect(listed).toHaveLength((await snapshotsOf(workspace, 2)).length);
      expect(listed.filter(({ time }) => isForged(time))).toEqual([]);
      await run('check', '--read-data');
    }
  });

  async function stockRestic(told: { location: string; password: string }, args: string[]): Promise<string> {
    const env = {
      AWS_ACCESS_KEY_ID: double.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: double.credentials.secretAccessKey,
      AWS_DEFAULT_REGION: double.region,
    };
    const { stdout, stderr, exitCode } = await tryRestic(
      told.location,
      told.password,
      [...args, '--no-lock'],
      { env },
    );
    if (exitCode !== 0)
      throw new Error(`restic ${args.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
    return stdout;
  }
});
