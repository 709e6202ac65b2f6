import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { noise } from '../../../test/support/noise.js';
import { acquireLock, LOCK_TIMINGS } from '../repository/locks.js';
import type { Repository } from '../repository/repository.js';
import { DoomedPacksInBucket } from './doomed-packs.js';
import { prune } from './prune.js';

const DAY_MS = 24 * 3_600_000;
const START_MS = Date.parse('2026-11-22T10:00:00Z');

describe('a prune of a repository in which a pack is only said to hold what others hold', () => {
  const folder = new TemporaryFolder();
  let nowMs: number;
  let store: MemoryRepositoryStore;
  let repository: Repository;
  let genuine: string[];
  const now = () => nowMs;

  beforeEach(async () => {
    nowMs = START_MS;
    store = new MemoryRepositoryStore();
    const maker = await ArchiveMaker.create(new MemoryRepositoryFiles(store, { now }), { now });
    writeFileSync(join(folder.path, 'file'), noise(300_000, 'precious'));
    await maker.archive(folder.path);
    repository = maker.repository;
    genuine = store.ids('pack');
    nowMs += 2 * DAY_MS;
  });
  afterAll(() => folder.remove());

  const files = () => new MemoryRepositoryFiles(store, { now });

  /** Packs of any bytes, and index files which say that they hold all file content, as it lies in the genuine ones. */
  const claim = async (sealed: (genuineBytes: Buffer) => Buffer): Promise<void> => {
    const index = await repository.loadIndex();
    for (const packId of genuine) {
      const pack = index.pack(packId)!;
      // Trees are read by every prune, from where the index says that they lie.
      if (pack.blobs()[0]!.type === 'tree') continue;
      const copy = sealed(await files().load('pack', packId));
      const id = hash('sha256', copy);
      await files().save('pack', id, copy);
      const blobs = pack.blobs().map(({ type, id: blobId, offset, lengthBytes, uncompressedBytes }) => ({
        ...{ id: blobId, type, offset, length: lengthBytes },
        ...(uncompressedBytes > 0 && { uncompressed_length: uncompressedBytes }),
      }));
      await repository.saveFile('index', JSON.stringify({ packs: [{ id, blobs }] }));
    }
  };

  const pruneDaily = async (days: number): Promise<unknown> => {
    for (let day = 0; day < days; day++) {
      const target = { files: files(), cipher: repository.cipher };
      const timings = { ...LOCK_TIMINGS, checkWaitMs: 0 };
      const lock = await acquireLock(repository, {
        mode: 'exclusive',
        holder: { hostname: 'here', username: 'me', pid: 1 },
        now,
        timings,
      });
      const doomed = new DoomedPacksInBucket(target.files, target.cipher);
      const failure = await prune(target, { lock, doomed, now, maxDeletedShare: 1 }).then(
        () => undefined,
        (error: unknown) => error,
      );
      await lock.release();
      if (failure !== undefined) return failure;
      nowMs += 2 * DAY_MS;
    }
    return undefined;
  };

  it('gives up nothing for bytes that are not what they are said to be', async () => {
    await claim((bytes) => noise(bytes.length, 'garbage'));
    expect(await pruneDaily(3)).toMatchObject({ code: 'prune_refused' });
    expect(genuine.filter((id) => !store.has('pack', id))).toEqual([]);
  });

  it('gives up copies of what can be read elsewhere', async () => {
    // Another name for the same blobs: only the header, at its end, is another one.
    await claim((bytes) => Buffer.concat([bytes.subarray(0, -5), noise(5, 'header')]));
    expect(await pruneDaily(3)).toBeUndefined();
    expect(genuine.filter((id) => store.has('pack', id)).length).toBeLessThan(genuine.length);
  });
});
