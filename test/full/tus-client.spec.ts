import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Upload } from 'tus-js-client';
import { FilesClient } from '../e2e/files-client.js';
import { type Replica, Replicas } from '../e2e/files-replicas.js';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { noise } from '../support/noise.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { s3Settings } from '../support/s3-settings.js';
import { SeededRandom } from '../support/seeded-random.js';
import { fingerprint } from '../support/same-bytes.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { TusClient } from '../support/tus-client.js';

const MIB = 1024 * 1024;
const UPLOADS = 500;
const MOST_CUTS = 20;
const AT_ONCE = 10;
const KILLS = 4;

/** A client that others wrote, on lines that break, against two servers that take turns. */
describe('tus-js-client', () => {
  const random = new SeededRandom('tus');
  let double: S3Double;
  let replicas: Replicas;
  let servers: Replica[];
  let cuts = 0;
  let wrongOffsets = 0;

  beforeAll(async () => {
    // Cloudflare's, which insists on parts of one size.
    double = await startS3Double({ personality: 'r2' });
    replicas = await Replicas.make();
    servers = [await replicas.start(), await replicas.start()];
    await new FilesClient(servers[0]!, replicas.adminKey).configure(s3Settings(double));
  });

  afterAll(async () => {
    await replicas.stop();
    await double.stop();
  });

  const below = (limit: number) => random.below(limit);
  const portOf = ({ url }: Replica) => Number(new URL(url).port);

  /** Mostly small, some of one part, some of many. */
  function randomSize(): number {
    const kind = below(100);
    if (kind < 70) return below(200_000);
    return kind < 93 ? below(3 * MIB) : below(20 * MIB);
  }

  /** Uploads it with up to so many cuts, each time to the other server, and answers with the file's id. */
  async function upload(content: Buffer, most: number): Promise<number> {
    const target = { port: portOf(servers[below(2)]!) };
    const proxy = await startTcpProxy(target);
    let left = most;
    const nextCut = () => {
      proxy.faults.cutAfterUpBytes = left > 0 ? 1 + below(content.length + 600) : undefined;
      left -= 1;
    };
    nextCut();
    try {
      return await new Promise<number>((resolve, reject) => {
        const attempt = new Upload(content, {
          endpoint: `http://127.0.0.1:${proxy.port}/api/v1/tus`,
          headers: { authorization: `Bearer ${replicas.adminKey}` },
          metadata: { filename: `u${content.length}` },
          retryDelays: Array.from({ length: most + 60 }, () => 20),
          storeFingerprintForResuming: false,
          onShouldRetry: () => {
            cuts += 1;
            target.port = portOf(servers[below(servers.length)]!);
            nextCut();
            return true;
          },
          onBeforeRequest: async (request) => {
            if (request.getMethod() === 'PATCH' && below(4) === 0) await tryWrongOffset(request.getURL());
          },
          onError: reject,
          onSuccess: ({ lastResponse }) => resolve(Number(lastResponse.getHeader('stowage-file-id'))),
        });
        attempt.start();
      });
    } finally {
      await proxy.stop();
    }
  }

  /** Straight to a server; the upload's offset is the one that its client was told just now. */
  async function tryWrongOffset(url: string): Promise<void> {
    const by = new TusClient(servers[below(2)]!.url, replicas.adminKey);
    const path = new URL(url).pathname;
    const offset = await by.offsetOf(path);
    const wrong = offset > 0 && below(2) === 0 ? offset - 1 : offset + 1;
    expect((await by.patch(path, wrong, Buffer.from('x'))).status).toBe(409);
    wrongOffsets += 1;
  }

  async function contentOf(id: number): Promise<string> {
    const client = new FilesClient(servers[0]!, replicas.adminKey);
    const response = await client.fetch(`/api/v1/files/${id}/content`);
    return fingerprint(new Uint8Array(await response.arrayBuffer()));
  }

  it('brings each file whole over lines that break, with two servers in turn', async () => {
    let begun = 0;
    const ids: number[] = [];
    const work = async (): Promise<void> => {
      while (begun < UPLOADS) {
        const content = noise(randomSize(), (begun += 1));
        const id = await upload(content, below(MOST_CUTS + 1));
        expect(await contentOf(id)).toBe(fingerprint(content));
        ids.push(id);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(new Set(ids).size).toBe(UPLOADS);
    expect(cuts).toBeGreaterThan(UPLOADS);
    expect(wrongOffsets).toBeGreaterThan(UPLOADS / 4);
    // One object a file: no tail, no second file of an upload whose answer was lost.
    expect([keysInBucket(double).length, double.store.uploads(double.bucket).length]).toEqual([UPLOADS, 0]);
  }, 600_000);

  it('brings each file whole while servers are killed with -9', async () => {
    const before = keysInBucket(double).length;
    const contents = Array.from({ length: 4 * KILLS }, (_, at) =>
      noise(9 * MIB + below(12 * MIB), `kill ${at}`),
    );
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < contents.length) {
        const content = contents[next++]!;
        expect(await contentOfWhenUp(await upload(content, 6))).toBe(fingerprint(content));
      }
    };
    const contentOfWhenUp = async (id: number) => {
      for (;;) {
        const seen = await contentOf(id).catch(() => undefined);
        if (seen !== undefined) return seen;
        await sleep(100);
      }
    };
    const uploads = Promise.all(Array.from({ length: 4 }, work));
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(500 + below(2_000));
      const victim = kill % 2;
      await servers[victim]!.kill();
      servers[victim] = await replicas.start();
    }
    await uploads;
    // What a killed server had sent and nobody knew of may lie there: it is swept, never taken for a file.
    expect(keysInBucket(double).length).toBeGreaterThanOrEqual(before + contents.length);
  }, 600_000);
});
