import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { SeededRandom } from '../support/seeded-random.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { answerOf, MortalApi } from '../support/upload-history/api.js';
import { type FinalFile, History } from '../support/upload-history/history.js';
import { killAtRandom, spoilLine } from '../support/upload-history/killing.js';
import { MortalServers } from '../support/upload-history/servers.js';
import { UPLOAD_PATHS } from '../support/upload-history/upload-paths.js';
import { sha256 } from '../support/upload-history/writers.js';

/*
 * Eight writers upload by every path there is, while servers and PostgreSQL are killed and the line to the bucket is
 * bad now and then. What was acknowledged is there in the end, byte for byte.
 */

const WRITERS = 8;
const SERVERS = 2;
const KILLS = Number(process.env.HISTORY_KILLS ?? 20);
const ACKNOWLEDGED = Number(process.env.HISTORY_FILES ?? 400);
const SEED = process.env.HISTORY_SEED ?? '1';
/** Servers that come up again beside other work take the longest. HISTORY_KILLS=200 HISTORY_FILES=5000 may have 93 minutes. */
const TIMEOUT_MS = 600_000 + KILLS * 10_000 + ACKNOWLEDGED * 600;

describe('the checker of histories', () => {
  const file = (content: string, id = 1, filename = 'a'): FinalFile => ({
    id,
    filename,
    checksum: content,
    contentChecksum: content,
  });
  const GOOD = { lost: [], altered: [], doubled: [] };

  it('takes the newest acknowledged content, or one whose outcome is unknown', () => {
    const history = new History();
    history.invoke('a', 'one')(1);
    history.invoke('a', 'two')(1);
    history.invoke('a', 'three');
    expect(history.check([file('two')])).toEqual(GOOD);
    expect(history.check([file('three')])).toEqual(GOOD);
    expect([history.acknowledged, history.attempted]).toEqual([2, 3]);
  });

  it('sees what was lost, rolled back, altered and doubled', () => {
    const history = new History();
    history.invoke('a', 'one')(1);
    history.invoke('a', 'two')(1);
    expect(history.check([])).toMatchObject({ lost: ['a'] });
    expect(history.check([file('one')])).toMatchObject({ lost: ['a'], altered: [] });
    expect(history.check([file('four')])).toMatchObject({ lost: ['a'], altered: ['a'] });
    expect(history.check([{ ...file('two'), checksum: 'one' }])).toMatchObject({ altered: ['a'] });
    expect(history.check([file('two'), file('two', 2), file('one', 3)])).toMatchObject({ doubled: ['a'] });
    expect(history.check([file('x', 9, 'never')])).toMatchObject({ altered: ['never'], doubled: ['never'] });
  });
});

describe(`${WRITERS} writers, ${KILLS} kills, a bad line`, () => {
  let bucketFolder: string;
  let double: S3Double;
  let line: TcpProxy;
  let servers: MortalServers;
  let api: MortalApi;
  const history = new History();
  const over = new AbortController();
  const outcomes = new Map<string, { acknowledged: number; unknown: number }>();

  beforeAll(async () => {
    bucketFolder = await mkdtemp(join(tmpdir(), 'stowage-history-'));
    double = await startS3Double({ folder: bucketFolder });
    line = await startTcpProxy({ port: double.port });
    servers = await MortalServers.start(SERVERS, {});
    api = new MortalApi(() => servers.alive, servers.adminKey, new SeededRandom(`api ${SEED}`));
    await api.json('PUT', '/api/v1/settings/cloud-storage', {
      provider: 's3_compatible',
      endpoint: `http://127.0.0.1:${line.port}`,
      bucket_name: double.bucket,
      region: double.region,
      access_key_id: double.credentials.accessKeyId,
      secret_access_key: double.credentials.secretAccessKey,
      path_style: 'true',
    });
    await api.json('PUT', '/api/v1/settings/sync', { sync_on_create: true });
  });

  afterAll(async () => {
    over.abort();
    await servers?.stop();
    await line?.stop();
    await double?.stop();
    await rm(bucketFolder, { recursive: true, force: true });
  });

  it(
    'lose no acknowledged file and alter none',
    async () => {
      const beganMs = performance.now();
      const [killing, weather] = [new AbortController(), new AbortController()];
      const untilGood = AbortSignal.any([weather.signal, over.signal]);
      const spoiling = spoilLine(line, new SeededRandom(`line ${SEED}`), untilGood);
      const writers = Array.from({ length: WRITERS }, (_, at) => write(at, killing.signal));
      await killAtRandom(servers, KILLS, {
        random: new SeededRandom(`kills ${SEED}`),
        acknowledged: () => history.acknowledged,
      });
      killing.abort();
      weather.abort();
      await Promise.all([spoiling, ...writers]);
      await servers.allUp();

      const verdict = history.check(await allFiles());
      report({ seconds: Math.round((performance.now() - beganMs) / 1_000), ...verdict });
      expect(verdict).toEqual({ lost: [], altered: [], doubled: [] });
      expect(history.acknowledged).toBeGreaterThanOrEqual(ACKNOWLEDGED);
      for (const path of Object.keys(UPLOAD_PATHS)) {
        // A run in which a path never succeeded, or was never interrupted, has proven nothing about it.
        expect(outcomes.get(path)?.acknowledged).toBeGreaterThan(0);
        expect(outcomes.get(path)?.unknown).toBeGreaterThan(0);
      }
    },
    TIMEOUT_MS,
  );

  /** What a long run has proven; stdout is jest's own. */
  function report(figures: object): void {
    const { acknowledged, attempted } = history;
    const paths = Object.fromEntries(outcomes);
    process.stderr.write(`${JSON.stringify({ kills: KILLS, acknowledged, attempted, ...figures, paths })}\n`);
  }

  /** Until the kills are over and enough was acknowledged. */
  async function write(writer: number, signal: AbortSignal): Promise<void> {
    const random = new SeededRandom(`writer ${SEED} ${writer}`);
    const paths = Object.entries(UPLOAD_PATHS);
    const { localFolder: folder, databaseUrl } = servers;
    const isEnough = () => signal.aborted && history.acknowledged >= ACKNOWLEDGED;
    for (let turn = 0; !isEnough() && !over.signal.aborted; turn++) {
      const [path, upload] = paths[turn % paths.length]!;
      const outcome = outcomes.get(path) ?? { acknowledged: 0, unknown: 0 };
      outcomes.set(path, outcome);
      try {
        await upload({ api, history, random, folder, databaseUrl }, `w${writer}-${turn}`);
        outcome.acknowledged += 1;
      } catch {
        outcome.unknown += 1;
      }
    }
  }

  async function allFiles(): Promise<FinalFile[]> {
    const found: FinalFile[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: FilePage = await api.json(
        'GET',
        `/api/v1/files?limit=1000${cursor && `&cursor=${cursor}`}`,
      );
      for (let at = 0; at < page.data.length; at += WRITERS) {
        found.push(...(await Promise.all(page.data.slice(at, at + WRITERS).map(withContent))));
      }
      cursor = page.next_cursor;
    }
    return found;
  }

  async function withContent(file: Omit<FinalFile, 'contentChecksum'>): Promise<FinalFile> {
    const response = await api.fetch(`/api/v1/files/${file.id}/content`);
    if (!response.ok) return { ...file, contentChecksum: await answerOf<string>(response).catch(String) };
    return { ...file, contentChecksum: sha256(new Uint8Array(await response.arrayBuffer())) };
  }
});

interface FilePage {
  readonly data: Omit<FinalFile, 'contentChecksum'>[];
  readonly next_cursor: string | null;
}
