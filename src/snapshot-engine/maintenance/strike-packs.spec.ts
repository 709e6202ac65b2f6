import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import { falseClaim, sealedIndex, type FalseClaim } from '../../../test/support/false-claims.js';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { noise } from '../../../test/support/noise.js';
import { archiveTarget } from '../archiver/repository-target.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import { headerSizeBytes } from '../pack/pack-header.js';
import { acquireLock, LOCK_TIMINGS, removeStaleLocks } from '../repository/locks.js';
import { Repository } from '../repository/repository.js';
import { checkRepository, type CheckResult } from './check.js';
import { CommitCheck } from './commit-check.js';
import { DoomedPacksInBucket } from './doomed-packs.js';
import { prune } from './prune.js';
import { strikeFalsePacks, type StrikeOptions, type StrikeResult } from './strike-packs.js';

const DAY_MS = 24 * 3_600_000;
const START_MS = Date.parse('2026-11-22T10:00:00Z');

describe('maintenance of a repository in which a pack does not hold what an index says', () => {
  const folder = new TemporaryFolder();
  let nowMs: number;
  let store: MemoryRepositoryStore;
  let maker: ArchiveMaker;
  let snapshot: string;
  let genuine: string[];
  const now = () => nowMs;

  beforeEach(async () => {
    nowMs = START_MS;
    store = new MemoryRepositoryStore();
    maker = await ArchiveMaker.create(new MemoryRepositoryFiles(store, { now }), { now });
    writeFileSync(join(folder.path, 'file'), noise(300_000, 'precious'));
    snapshot = (await maker.archive(folder.path)).snapshot!;
    genuine = store.ids('pack');
    nowMs += 2 * DAY_MS;
  });
  afterAll(() => folder.remove());

  const blobsOf = (ids: readonly string[]): PackedBlob[] =>
    ids.flatMap((id) => maker.index.pack(id)?.blobs() ?? []);
  const ofType = (type: string) => blobsOf(genuine).filter((blob) => blob.type === type);
  const put = ({ packId, pack, index }: FalseClaim): string => {
    store.put('pack', packId, pack, new Date(nowMs));
    store.put('index', index.id, index.bytes, new Date(nowMs));
    return packId;
  };
  /** As long as a pack of these blobs is: nothing looks wrong from outside. */
  const wellFormed = (blobs: readonly PackedBlob[]) => (lengthBytes: number) =>
    noise(lengthBytes + headerSizeBytes(blobs), 'garbage');
  const claim = async (blobs: readonly PackedBlob[], pack?: (lengthBytes: number) => Buffer) =>
    put(await falseClaim(maker.repository, blobs, pack ?? wellFormed(blobs)));

  async function locked<T>(
    work: (tools: Pick<StrikeOptions, 'lock' | 'doomed' | 'now'>) => Promise<T>,
    repository = maker.repository,
  ) {
    const holder = { hostname: 'here', username: 'me', pid: 1 };
    const timings = { ...LOCK_TIMINGS, checkWaitMs: 0 };
    const lock = await acquireLock(repository, { mode: 'exclusive', holder, now, timings });
    try {
      return await work({ lock, doomed: doomed(repository), now });
    } finally {
      await lock.release();
    }
  }
  const doomed = ({ files, cipher } = maker.repository) => new DoomedPacksInBucket(files, cipher);
  const strike = (unproven: readonly string[], options: Partial<StrikeOptions> = {}) =>
    strikeIn(maker.repository, unproven, options);
  const strikeIn = (
    repository: Repository,
    unproven: readonly string[],
    options: Partial<StrikeOptions> = {},
  ): Promise<StrikeResult> =>
    locked(
      (tools) =>
        strikeFalsePacks(repository, {
          ...tools,
          workers: maker.workers,
          unproven: new Set(unproven),
          suspects: [],
          fresh: unproven,
          ...options,
        }),
      repository,
    );
  const check = (repository = maker.repository): Promise<CheckResult> =>
    checkRepository(repository, {
      workers: maker.workers,
      doomed: doomed(repository),
      readData: 'all',
      expectedSnapshots: [snapshot],
    });
  const pruned = () => locked((tools) => prune(maker.repository, { ...tools, maxDeletedShare: 1 }));

  it.each(['data', 'tree'])(
    'strikes one that claims the %s blobs of a genuine pack, and all is well',
    async (type) => {
      const lying = await claim(ofType(type));
      const found = await check();
      expect(found.errorCount).toBeGreaterThan(0);
      // Everything can be restored from the other copy.
      expect(found.affected).toEqual([]);
      const result = await strike([lying]);
      expect(result.struck).toEqual([{ id: lying, message: expect.stringContaining('damaged') as unknown }]);
      expect(result).toMatchObject({
        lostBlobs: 0,
        affected: [],
        newPacks: [],
        proven: [],
        copiesProven: [],
      });
      const index = await maker.repository.loadIndex();
      expect(index.hasPack(lying)).toBe(false);
      expect(genuine.every((id) => index.hasPack(id))).toBe(true);
      expect(await check()).toMatchObject({ problems: [] });
      // Doomed like any other, and deleted after the grace period.
      nowMs += 2 * DAY_MS;
      expect((await pruned()).deleted).toEqual([lying]);
      expect(await check()).toMatchObject({ problems: [] });
    },
  );

  it('strikes one that is not there, or not as long as it should be, which no prune would get past', async () => {
    const blobs = ofType('data');
    const short = await claim(blobs, () => noise(10, 'short'));
    const other = await falseClaim(maker.repository, blobs);
    store.put('index', other.index.id, other.index.bytes, new Date(nowMs));
    await expect(pruned()).rejects.toMatchObject({ code: 'prune_refused' });
    const { struck } = await strike([short, other.packId]);
    expect(struck.map(({ id }) => id).sort()).toEqual([short, other.packId].sort());
    nowMs += 2 * DAY_MS;
    await pruned();
    expect(await check()).toMatchObject({ problems: [] });
  });

  it('reads no more than copies of what it is not told to suspect, and a suspect as a whole', async () => {
    const absent: PackedBlob = { ...ofType('data')[0]!, id: hash('sha256', 'of no pack') };
    const advance = await claim([absent]);
    const before = maker.repository;
    expect(await strike([advance])).toMatchObject({ struck: [], copiesProven: [advance], bytesRead: 0 });
    expect((await before.loadIndex()).has('data', absent.id)).toBe(true);
    const result = await strike([advance], { suspects: [advance], fresh: [] });
    expect(result.struck.map(({ id }) => id)).toEqual([advance]);
    expect(result).toMatchObject({ lostBlobs: 1, affected: [] });
    expect((await before.loadIndex()).has('data', absent.id)).toBe(false);
  });

  it('proves honest packs, a bounded number of bytes at a time', async () => {
    const suspects = genuine;
    const first = await strike(genuine, { suspects, fresh: genuine, maxBytes: 1 });
    expect(first).toMatchObject({ proven: [suspects[0]], unread: genuine.length - 1, struck: [] });
    const all = await strike(genuine, { suspects, fresh: genuine });
    expect([...all.proven].sort()).toEqual(genuine);
    expect(all).toMatchObject({ unread: 0, copiesProven: genuine, struck: [], newPacks: [] });
  });

  it('keeps what a struck pack does hold', async () => {
    // An index file says of a genuine pack that it holds something else besides.
    const [data] = genuine.filter((id) => blobsOf([id])[0]!.type === 'data');
    const blobs = blobsOf([data!]);
    const absent = { ...blobs[0]!, id: hash('sha256', 'of no pack') };
    const more = await sealedIndex(maker.repository, data!, [absent]);
    store.put('index', more.id, more.bytes, new Date(nowMs));
    const result = await strike([data!]);
    expect(result).toMatchObject({ struck: [{ id: data }], lostBlobs: 1, affected: [] });
    expect(result.newPacks).toHaveLength(1);
    expect(await check()).toMatchObject({ problems: [] });
    nowMs += 2 * DAY_MS;
    await pruned();
    expect(await check()).toMatchObject({ problems: [] });
  });

  it('names what cannot be restored when nobody has what only struck packs were said to hold', async () => {
    const blobs = ofType('data');
    const [data] = genuine.filter((id) => blobsOf([id])[0]!.type === 'data');
    store.put('pack', data!, noise(store.get('pack', data!)!.length, 'another'), new Date(nowMs));
    const lying = await claim(blobs);
    const result = await strike([lying, data!]);
    expect(result.struck.map(({ id }) => id).sort()).toEqual([lying, data].sort());
    expect(result).toMatchObject({
      lostBlobs: blobs.length,
      affected: [{ snapshotId: snapshot, path: '/file' }],
    });
    // Nothing is brought back for what it says of itself, nor anything removed while something is missing.
    nowMs += 2 * DAY_MS;
    await expect(pruned()).rejects.toMatchObject({ code: 'prune_refused' });
    // Whoever has the file still stores it anew, and the snapshot is whole again.
    const { repository } = maker;
    await maker.archive(folder.path, { target: archiveTarget(repository, await repository.loadIndex()) });
    expect(await check()).toMatchObject({ errorCount: 0 });
  });

  it('lets no snapshot be committed that relies on a struck pack', async () => {
    const lying = await claim(ofType('data'));
    await strike([lying]);
    const commits = new CommitCheck(maker.repository, doomed());
    await expect(commits.assertCommittable({ packs: [lying] })).rejects.toMatchObject({
      code: 'commit_refused',
    });
  });

  it.each(['before', 'after-without-answer'] as const)(
    'is completed by the next run wherever it ends (%s)',
    async (mode) => {
      const [data] = genuine.filter((id) => blobsOf([id])[0]!.type === 'data');
      const lying = await claim(ofType('data'));
      const more = await sealedIndex(maker.repository, data!, [{ ...ofType('tree')[0]!, offset: 7 }]);
      store.put('index', more.id, more.bytes, new Date(nowMs));
      const unproven = [lying, data!];
      const whole = store;
      for (let call = 1, ended = false; !ended; call += 1) {
        store = whole.clone();
        const files = new MemoryRepositoryFiles(store, { now, stopAt: { call, mode } });
        const stopping = Repository.fromGrant(files, maker.repository.grant(), { now });
        await strikeIn(stopping, unproven).catch(() => undefined);
        ended = !files.stopped;
        nowMs += 3_600_000;
        const goingOn = Repository.fromGrant(new MemoryRepositoryFiles(store, { now }), stopping.grant(), {
          now,
        });
        await removeStaleLocks(goingOn, { now });
        const { struck } = await strikeIn(goingOn, unproven);
        const { problems } = await check(goingOn);
        expect([call, problems.filter(({ severity }) => severity === 'error')]).toEqual([call, []]);
        expect([call, struck.length > 0 && ended]).toEqual([call, false]);
      }
    },
  );

  it('never strikes a pack that somebody has read before', async () => {
    const lying = await claim(ofType('data'));
    expect(await strike([genuine[0]!], { suspects: [lying], fresh: [lying] })).toMatchObject({ struck: [] });
    expect((await maker.repository.loadIndex()).hasPack(lying)).toBe(true);
  });
});
