import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { SEALED_OVERHEAD_BYTES } from '../../src/snapshot-engine/crypto/blob-cipher.js';
import { ClaimingAgent } from '../support/claiming-agent.js';
import { HostileAgent } from '../support/hostile-agent.js';
import { HostProcess } from '../support/host-process.js';
import { noise } from '../support/noise.js';
import { tryRestic, type ResticResult } from '../support/restic.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import { startServer, type TestServer } from '../support/server.js';

const INTERVAL_SECONDS = 5;
const PATIENCE_MS = 150_000;

interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly repository: {
    readonly prefix: string;
    readonly last_check_problem: string | null;
    readonly unproven_packs: number;
  };
}

interface Snapshot {
  readonly id: string;
}

/*
 * A host was taken over, after honest snapshots. It has the key that seals indexes, and says in well-formed files that its
 * packs of garbage hold what honest packs hold, or what nobody has stored yet. Nobody may lose anything by it.
 */
describe('a host that lies about what its packs hold', () => {
  let double: S3Double;
  let server: TestServer;
  let database: pg.Client;
  let successor: HostProcess;
  let successorId: string;
  const hosts: HostProcess[] = [];

  beforeAll(async () => {
    double = await startS3Double();
    server = await startServer({
      env: { ALLOWED_PRIVATE_ENDPOINTS: `127.0.0.1:${double.port}`, EMBEDDED_AGENT: 'false' },
    });
    database = new pg.Client({ connectionString: server.databaseUrl });
    await database.connect();
    await asOwner('PUT', '/api/v1/settings/cloud-storage', {
      ...{ provider: 's3_compatible', bucket_name: double.bucket, endpoint: double.endpoint },
      ...{ region: double.region, force_path_style: true },
      access_key_id: double.credentials.accessKeyId,
      secret_access_key: double.credentials.secretAccessKey,
    });
    await asOwner('POST', '/api/v1/settings/cloud-storage/test');
    successor = new HostProcess();
    hosts.push(successor);
    successorId = (await enrol(successor, 'successor')).agentId;
    successor.start();
  }, 180_000);

  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.remove()));
    await database.end();
    await server.stop();
    await double.stop();
  });

  async function enrol(host: HostProcess, name: string): Promise<{ key: string; agentId: string }> {
    const { token } = await asOwner<{ token: string }>('POST', '/api/v1/agents/enrolment-tokens', { name });
    expect(await host.enrol(server.url, token)).toMatchObject({ code: 0 });
    const identity = JSON.parse(readFileSync(join(host.dataDir, 'agent.json'), 'utf8')) as {
      api_key: string;
      agent_id: string;
    };
    return { key: identity.api_key, agentId: identity.agent_id };
  }

  /** The real agent makes two snapshots and stops; then somebody else uses its key. */
  async function takenOver(name: string) {
    const host = new HostProcess();
    hosts.push(host);
    const { key, agentId } = await enrol(host, name);
    fill(host.workspace, name);
    host.start();
    const wanted = { name, path: host.workspace, agent_id: agentId, interval_seconds: INTERVAL_SECONDS };
    const workspace = await asOwner<Workspace>('POST', '/api/v1/workspaces', wanted);
    await snapshotsOf(workspace, 1);
    writeFileSync(join(host.workspace, 'later'), noise(50_000, `${name} later`));
    const [newest] = await snapshotsOf(workspace, 2);
    await host.end();
    const hostile = new HostileAgent(server.url, key);
    const liar = new ClaimingAgent(hostile, await hostile.takeLease(workspace.id));
    const { rows } = await database.query<{ tree: string }>(
      "SELECT encode(tree, 'hex') AS tree FROM snapshots WHERE id = $1",
      [newest!.id],
    );
    return { workspace, liar, newest: newest!, tree: rows[0]!.tree };
  }

  function fill(folder: string, name: string): void {
    for (let at = 0; at < 20; at += 1) {
      mkdirSync(join(folder, `d${at % 5}`), { recursive: true });
      writeFileSync(join(folder, `d${at % 5}/f${at}`), noise(20_000 + at, `${name} ${at}`));
    }
  }

  async function asOwner<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await ask(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  function ask(method: string, path: string, body?: object): Promise<Response> {
    return fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${server.adminKey}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline)
        throw new Error(`${what}: never. ${hosts.map((host) => host.output()).join('\n')}`);
      await sleep(250);
    }
  }

  const snapshotsOf = ({ id }: Workspace, atLeast: number): Promise<Snapshot[]> =>
    until(`snapshot ${atLeast}`, async () => {
      const { data } = await asOwner<{ data: Snapshot[] }>('GET', `/api/v1/workspaces/${id}/snapshots`);
      return data.length >= atLeast ? data : undefined;
    });

  const seen = ({ id }: Workspace) => asOwner<Workspace>('GET', `/api/v1/workspaces/${id}`);

  /** Its first check is due as well, and only one of them has the repository at a time. */
  async function maintained({ id }: Workspace): Promise<void> {
    await database.query(
      `UPDATE repositories r SET maintain_after = now(), last_maintained_at = NULL,
          check_after = now() + interval '1 day' FROM workspaces w
        WHERE w.repository_id = r.id AND w.id = $1`,
      [id],
    );
    await database.query(`SELECT graphile_worker.add_job('maintenance.due', '{}'::json)`);
    await until('maintenance', async () => {
      const { rows } = await database.query<{ at: Date | null }>(
        `SELECT r.last_maintained_at AS at FROM repositories r JOIN workspaces w ON w.repository_id = r.id WHERE w.id = $1`,
        [id],
      );
      return rows[0]!.at ?? undefined;
    });
  }

  async function isDoomed(packId: string): Promise<true | undefined> {
    const { rows } = await database.query('SELECT 1 FROM doomed_packs WHERE id = $1', [
      Buffer.from(packId, 'hex'),
    ]);
    return rows.length > 0 ? true : undefined;
  }

  async function stockRestic({ id }: Workspace, ...args: string[]): Promise<ResticResult> {
    const path = `/api/v1/workspaces/${id}/repository-password`;
    const told = await asOwner<{ location: string; password: string }>('POST', path);
    const env = {
      AWS_ACCESS_KEY_ID: double.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: double.credentials.secretAccessKey,
      AWS_DEFAULT_REGION: double.region,
    };
    return tryRestic(told.location, told.password, [...args, '--no-lock'], { env });
  }

  it('takes no earlier snapshot from anybody, and stock restic is content once maintenance has struck its pack', async () => {
    const { workspace, liar, newest, tree } = await takenOver('earlier');
    const blobs = await liar.knownBlobs();
    expect(new Set(blobs.map(({ type }) => type))).toEqual(new Set(['data', 'tree']));
    const lying = await liar.claim(blobs, tree);
    // Readers find the other copies.
    const listing = `/api/v1/snapshots/${newest.id}/entries?path=d1`;
    const { data } = await asOwner<{ data: { name: string }[] }>('GET', listing);
    expect(data.map(({ name }) => name)).toEqual(['f1', 'f11', 'f16', 'f6']);
    const content = await ask('GET', `/api/v1/snapshots/${newest.id}/content?path=d1/f11`);
    expect(Buffer.from(await content.arrayBuffer()).equals(noise(20_011, 'earlier 11'))).toBe(true);
    const target = join(successor.root, 'restored');
    const restored = await successor.command('restore', '-w', workspace.id, '-t', target, '-y', '--json');
    expect(restored).toMatchObject({ code: 0 });
    expect(readFileSync(join(target, 'later')).equals(noise(50_000, 'earlier later'))).toBe(true);
    // Stock restic knows nothing of other copies.
    expect((await stockRestic(workspace, 'check', '--read-data')).exitCode).not.toBe(0);

    await database.query(`UPDATE unproven_packs SET claimed_at = now() - interval '1 day'`);
    await maintained(workspace);
    await until('the lying pack is doomed', () => isDoomed(lying));
    expect((await seen(workspace)).repository.last_check_problem).toBeNull();
    expect(await stockRestic(workspace, 'check', '--read-data')).toMatchObject({ exitCode: 0 });
    expect(await stockRestic(workspace, 'dump', 'latest', '/d1/f11')).toMatchObject({ exitCode: 0 });
  }, 400_000);

  it('keeps no honest successor from storing what it has claimed in advance', async () => {
    const { workspace, liar, tree } = await takenOver('advance');
    const coming = noise(60_000, 'what only the successor has');
    const lengthBytes = coming.length + SEALED_OVERHEAD_BYTES;
    const lying = await liar.claim(
      [{ id: hash('sha256', coming), type: 'data', offset: 0, lengthBytes, uncompressedBytes: 0 }],
      tree,
    );
    const before = (await snapshotsOf(workspace, 3)).length;
    fill(successor.workspace, 'advance');
    writeFileSync(join(successor.workspace, 'coming'), coming);
    await asOwner('PATCH', `/api/v1/workspaces/${workspace.id}`, {
      agent_id: successorId,
      path: successor.workspace,
    });
    expect((await seen(workspace)).repository.unproven_packs).toBeGreaterThan(0);
    await snapshotsOf(workspace, before + 1);
    await maintained(workspace);
    await until('everything of the former host is read', async () => {
      const { repository } = await seen(workspace);
      return repository.unproven_packs === 0 ? true : undefined;
    });
    expect(await isDoomed(lying)).toBe(true);
    // Its agent has begun anew, with an index that lacks the claim.
    await until('the content that was claimed', async () => {
      const { exitCode } = await stockRestic(workspace, 'check', '--read-data');
      return exitCode === 0 ? true : undefined;
    });
    const [newest] = await snapshotsOf(workspace, before + 1);
    const content = await ask('GET', `/api/v1/snapshots/${newest!.id}/content?path=coming`);
    expect(Buffer.from(await content.arrayBuffer()).equals(coming)).toBe(true);
  }, 400_000);
});
