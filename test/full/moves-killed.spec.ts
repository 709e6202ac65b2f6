import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { SeededRandom } from '../support/seeded-random.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { MortalApi } from '../support/upload-history/api.js';
import { type FinalFile, History } from '../support/upload-history/history.js';
import { spoilLine } from '../support/upload-history/killing.js';
import { MortalServers } from '../support/upload-history/servers.js';
import { UPLOAD_PATHS } from '../support/upload-history/upload-paths.js';
import { contentOf, sha256 } from '../support/upload-history/writers.js';

/*
 * All files of a user move into another bucket while the user uploads by every path, overwrites and deletes, servers are
 * killed, and the lines to both buckets are bad. In the end everything is there, once, and in the new bucket alone.
 */

const KILLS = Number(process.env.MOVE_KILLS ?? 22);
const SEEDED_FILES = 240;
const WRITERS = 3;
const SEED = process.env.MOVE_SEED ?? '1';

interface Move {
  readonly id: string;
  readonly state: string;
  readonly problem: string | null;
}

/** A bucket and the line to it. */
interface House {
  readonly double: S3Double;
  readonly line: TcpProxy;
}

describe(`a move with ${KILLS} kills and two bad lines`, () => {
  let folder: string;
  let [old, young]: [House?, House?] = [];
  let servers: MortalServers;
  let api: MortalApi;
  const history = new History();
  const over = new AbortController();
  const deleted = new Set<number>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-moving-'));
    [old, young] = [await house('old'), await house('young')];
    servers = await MortalServers.start(2, {});
    api = new MortalApi(() => servers.alive, servers.adminKey, new SeededRandom(`api ${SEED}`));
    await api.json('PUT', '/api/v1/settings/cloud-storage', settingsOf(old));
    await api.json('PUT', '/api/v1/settings/sync', { keep_versions: 1_000 });
  }, 120_000);

  afterAll(async () => {
    over.abort();
    await servers?.stop();
    for (const one of [old, young]) {
      await one?.line.stop();
      await one?.double.stop();
    }
    await rm(folder, { recursive: true, force: true });
  });

  async function house(name: string): Promise<House> {
    const double = await startS3Double({ folder: join(folder, name), buckets: [name] });
    return { double, line: await startTcpProxy({ port: double.port }) };
  }

  const settingsOf = ({ double, line }: House) => ({
    provider: 's3_compatible',
    endpoint: `http://127.0.0.1:${line.port}`,
    bucket_name: double.bucket,
    region: double.region,
    access_key_id: double.credentials.accessKeyId,
    secret_access_key: double.credentials.secretAccessKey,
    path_style: 'true',
  });
  const contentsIn = ({ double }: House) => keysInBucket(double);

  /** Until it succeeds. */
  async function insist<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await api.json<Answer>(method, path, body);
      } catch (error) {
        if (attempt === 200) throw error;
        await sleep(200);
      }
    }
  }

  async function write(writer: number, signal: AbortSignal): Promise<void> {
    const random = new SeededRandom(`writer ${SEED} ${writer}`);
    const paths = Object.values(UPLOAD_PATHS);
    const { localFolder, databaseUrl } = servers;
    for (let turn = 0; !signal.aborted && !over.signal.aborted; turn += 1) {
      const upload = paths[turn % paths.length]!;
      const name = `w${writer}-${turn}`;
      await upload({ api, history, random, folder: localFolder, databaseUrl }, name).catch(() => undefined);
      await deleteOne(`gone-${writer}-${turn}`).catch(() => undefined);
    }
  }

  /** Another file, which goes for good at once: its copy, if there is one by then, has to go, too. */
  async function deleteOne(name: string): Promise<void> {
    const { id } = await api.json<{ id: number }>('PUT', `/api/v1/files?filename=${name}`, name);
    await api.json('DELETE', `/api/v1/files/${id}?permanently=true`);
    deleted.add(id);
  }

  async function query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    const sql = new pg.Client({ connectionString: servers.databaseUrl });
    await sql.connect();
    try {
      return (await sql.query<Row>(text)).rows;
    } finally {
      await sql.end();
    }
  }

  async function reached(id: string, state: string): Promise<void> {
    for (;;) {
      const move = await insist<Move>('GET', `/api/v1/moves/${id}`);
      if (move.state === state) return;
      // The line was bad for longer than the server tries; a user would start it again.
      if (move.problem !== null) await insist('POST', `/api/v1/moves/${id}/start`, {});
      await sleep(200);
    }
  }

  it('loses nothing, doubles nothing, switches once', async () => {
    const random = new SeededRandom(`kills ${SEED}`);
    for (let at = 0; at < SEEDED_FILES; at += 1) {
      const name = `seed-${at}`;
      const content = contentOf(name, random.pick([0, 900, 60_000, 300_000]));
      const acknowledge = history.invoke(name, sha256(content));
      const response = await api.fetch(`/api/v1/files?filename=${name}`, { method: 'PUT', body: content });
      acknowledge(((await response.json()) as { id: number }).id);
    }
    const { id } = await api.json<Move>('POST', '/api/v1/moves', { target: settingsOf(young!) });
    await api.json('POST', `/api/v1/moves/${id}/start`, {});
    const [weather, writing] = [new AbortController(), new AbortController()];
    const untilGood = AbortSignal.any([weather.signal, over.signal]);
    const spoiling = [old!, young!].map(({ line }, at) =>
      spoilLine(line, new SeededRandom(`line ${at} ${SEED}`), untilGood),
    );
    const writers = Array.from({ length: WRITERS }, (_, at) => write(at, writing.signal));
    const killedIn = new Map<string, number>();
    for (let kills = 0; kills < KILLS;) {
      await sleep(200 + random.below(1_500));
      const [move] = await query<{ state: string }>('SELECT state FROM file_moves');
      if (!(await servers.killServer(random))) continue;
      kills += 1;
      killedIn.set(move!.state, (killedIn.get(move!.state) ?? 0) + 1);
    }
    writing.abort();
    weather.abort();
    await Promise.all([...spoiling, ...writers]);
    // What nobody goes on with would keep the move waiting for a day.
    await query(`UPDATE uploads SET expires_at = now() WHERE ended_at IS NULL AND state <> 'completing'`);
    await query(
      `UPDATE cloud_files SET uploaded_at = uploaded_at - interval '2 days' WHERE state = 'pending'`,
    );
    await reached(id, 'moved');
    const copiesBefore = contentsIn(young!);
    await insist('POST', `/api/v1/moves/${id}/clean-up`);
    await servers.killServer(random);
    await reached(id, 'finished');
    await servers.allUp();

    process.stderr.write(
      `${JSON.stringify({ killedIn: Object.fromEntries(killedIn), acknowledged: history.acknowledged, deleted: deleted.size })}\n`,
    );
    expect(killedIn.get('copying') ?? 0).toBeGreaterThan(0);
    const files = await allFiles();
    expect(files.filter((file) => deleted.has(file.id))).toEqual([]);
    const kept = files.filter(({ filename }) => !filename.startsWith('gone-'));
    expect(history.check(kept)).toEqual({ lost: [], altered: [], doubled: [] });
    // Nobody names the old bucket, each object is named once, and the clean-up has touched no copy.
    const named = await query<{ object_key: string; bucket: string }>(
      `SELECT object_key, bucket_name AS bucket FROM (SELECT object_key, cloud_config_id FROM cloud_files
          WHERE state IN ('stored', 'trashed') UNION ALL SELECT object_key, cloud_config_id FROM file_versions) n
        JOIN cloud_configs c ON c.id = n.cloud_config_id`,
    );
    expect(new Set(named.map(({ bucket }) => bucket))).toEqual(new Set(['young']));
    expect(new Set(named.map((row) => row.object_key)).size).toBe(named.length);
    expect(contentsIn(young!)).toEqual(expect.arrayContaining(copiesBefore));
    const active = await query<{ n: number }>(
      'SELECT count(*)::integer AS n FROM cloud_configs WHERE is_active',
    );
    expect(active).toEqual([{ n: 1 }]);
    const copies = await query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM (SELECT source_config_id, source_key FROM file_move_items
        WHERE state IN ('copied', 'cleaned') GROUP BY 1, 2 HAVING count(*) > 1) twice`,
    );
    expect(copies).toEqual([{ n: 0 }]);
  }, 1_500_000);

  async function allFiles(): Promise<FinalFile[]> {
    const found: FinalFile[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: FilePage = await insist('GET', `/api/v1/files?limit=1000${cursor && `&cursor=${cursor}`}`);
      for (const file of page.data) {
        const response = await api.fetch(`/api/v1/files/${file.id}/content`);
        const content = new Uint8Array(await response.arrayBuffer());
        found.push({
          ...file,
          contentChecksum: response.ok ? sha256(content) : `answered ${response.status}`,
        });
      }
      cursor = page.next_cursor;
    }
    return found;
  }
});

interface FilePage {
  readonly data: Omit<FinalFile, 'contentChecksum'>[];
  readonly next_cursor: string | null;
}
