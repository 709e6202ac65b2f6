import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startServer, type TestServer } from '../support/server.js';
import { untilReady } from '../support/until-ready.js';
import { AuthClient } from './auth-client.js';

interface JobJson {
  readonly id: string;
  readonly state: string;
  readonly result: Record<string, unknown> | null;
  readonly error: object | null;
}

describe('the proof that a workspace can be restored', () => {
  let server: TestServer;
  let client: AuthClient;
  let folder: string;
  let workspace: { readonly id: string };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-proven-'));
    await writeFile(join(folder, 'notes.txt'), 'to be proven');
    server = await startServer({ env: { EMBEDDED_AGENT: 'true', DRILL_INTERVAL_HOURS: '0' } });
    client = AuthClient.withKey(server, server.adminKey);
    const bucket = { provider: 'local_disk', bucket_name: 'proofs' };
    await client.json(200, 'PUT', '/api/v1/settings/cloud-storage', bucket);
    const agentIsThere = async () =>
      (await client.json<{ data: unknown[] }>(200, 'GET', '/api/v1/agents')).data.length > 0;
    await untilReady('the agent', agentIsThere, { timeoutMs: 20_000 });
    const wanted = { name: 'proven', path: folder, interval_seconds: 5 };
    workspace = await client.json<{ id: string }>(201, 'POST', '/api/v1/workspaces', wanted);
    const hasSnapshot = async () =>
      (await client.json<{ data: unknown[] }>(200, 'GET', `/api/v1/workspaces/${workspace.id}/snapshots`))
        .data.length > 0;
    const explain = () => server.logs().slice(-3_000);
    await untilReady('a snapshot', hasSnapshot, { timeoutMs: 20_000, explain });
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function done(what: string, body: object): Promise<JobJson> {
    const job = await client.json<JobJson>(202, 'POST', `/api/v1/workspaces/${workspace.id}/${what}`, body);
    const look = () => client.json<JobJson>(200, 'GET', `/api/v1/jobs/${job.id}`);
    const hasEnded = async () => !['queued', 'running'].includes((await look()).state);
    await untilReady(what, hasEnded, { timeoutMs: 20_000, explain: () => server.logs().slice(-3_000) });
    return look();
  }

  it('is a drill that ran on threads of the server, and leaves nothing on its disk', async () => {
    expect(await done('drills', {})).toMatchObject({
      state: 'succeeded',
      result: { whole: true, verified: true, files: 1, failed_count: 0 },
    });
    const proven = await client.json<{ last_proven_at: string | null }>(
      200,
      'GET',
      `/api/v1/workspaces/${workspace.id}`,
    );
    expect(proven.last_proven_at).not.toBeNull();
    expect(await readdir(join(server.dataDir, 'drills'))).toEqual([]);
  });

  it('is a check that read everything back', async () => {
    expect(await done('checks', { read_data: 'all' })).toMatchObject({
      state: 'succeeded',
      result: { snapshots: 1, error_count: 0, packs_read: 2 },
    });
    const { data } = await client.json<{ data: JobJson[] }>(200, 'GET', '/api/v1/jobs?limit=2');
    expect(data.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  });
});
