import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { noise } from '../../../test/support/noise.js';
import type { RepositoryFileKind } from '../repository/repository-files.js';
import { checkRepository, type CheckOptions } from './check.js';
import { repairIndex } from './repair-index.js';

const HELD = { ids: new Set<string>(), assertHeld: () => undefined };

describe('checkRepository', () => {
  const folder = new TemporaryFolder();
  const sound = new MemoryRepositoryStore();
  let maker: ArchiveMaker;
  let firstSnapshot: string;

  beforeAll(async () => {
    maker = await ArchiveMaker.create(new MemoryRepositoryFiles(sound));
    mkdirSync(join(folder.path, 'deep/er'), { recursive: true });
    writeFileSync(join(folder.path, 'a.txt'), 'some text');
    writeFileSync(join(folder.path, 'deep/noise.bin'), noise(300_000, 1));
    writeFileSync(join(folder.path, 'deep/er/b.txt'), 'another text');
    firstSnapshot = (await maker.archive(folder.path)).snapshot!;
    writeFileSync(join(folder.path, 'a.txt'), 'changed');
    await maker.archive(folder.path);
  });

  afterAll(() => folder.remove());

  const check = (store: MemoryRepositoryStore, options: Partial<CheckOptions> = {}) => {
    const { cipher, masterKey } = maker.repository;
    return checkRepository(
      { files: new MemoryRepositoryFiles(store), cipher, masterKey },
      { workers: maker.workers, readData: 'all', ...options },
    );
  };

  const damagedBy = async (
    damage: (store: MemoryRepositoryStore) => void,
    options?: Partial<CheckOptions>,
  ) => {
    const store = sound.clone();
    damage(store);
    return check(store, options);
  };

  const flip = (store: MemoryRepositoryStore, kind: RepositoryFileKind, id: string, at: number) => {
    const bytes = Buffer.from(store.get(kind, id)!);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    store.put(kind, id, bytes, new Date(0));
  };

  it('finds nothing wrong with what the archiver has made, and reads all of it', async () => {
    let bytesRead = 0;
    const result = await check(sound, { onRead: (bytes) => (bytesRead += bytes) });
    const packBytes = sound.list('pack').reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(result).toMatchObject({
      problems: [],
      errorCount: 0,
      affected: [],
      snapshots: 2,
      bytesRead: packBytes,
    });
    expect(bytesRead).toBe(packBytes);
    expect(result.packsRead).toBe(result.packs);
  });

  it('reads a part of the packs, and all of them in as many shares', async () => {
    let read = 0;
    for (let share = 0; share < 3; share += 1)
      read += (await check(sound, { readData: { share, of: 3 } })).packsRead;
    expect(read).toBe(sound.ids('pack').length);
    expect((await check(sound, { readData: 'none' })).packsRead).toBe(0);
    expect((await check(sound, { readData: { percent: 100, seed: 'x' } })).packsRead).toBe(read);
  });

  it('tells which paths of which snapshots suffer from a lost pack', async () => {
    const index = await maker.repository.loadIndex();
    const node = await maker.node((await maker.snapshot(firstSnapshot)).snapshot.tree, 'a.txt');
    const packId = index.find('data', node!.content![0]!)!.packId;
    const result = await damagedBy((store) => store.delete('pack', packId));
    expect(result.problems).toContainEqual(
      expect.objectContaining({ code: 'pack_missing', subject: `pack ${packId}` }),
    );
    expect(result.affected).toContainEqual({ snapshotId: firstSnapshot, path: '/a.txt' });
  });

  it('sees each flipped bit of a pack, wherever it lies, and what lies in it', async () => {
    for (const id of sound.ids('pack')) {
      const { length } = sound.get('pack', id)!;
      for (const at of [0, 20, length >> 1, -50, -5, -1]) {
        const { errorCount, affected } = await damagedBy((store) => flip(store, 'pack', id, at));
        expect([id, at, errorCount > 0]).toEqual([id, at, true]);
        if (at === 0) expect(affected.length).toBeGreaterThan(0);
      }
    }
  });

  it('sees altered small files of every kind', async () => {
    for (const kind of ['snapshot', 'index', 'key'] as const) {
      const id = sound.ids(kind)[0]!;
      const { problems } = await damagedBy((store) => flip(store, kind, id, 40));
      expect(problems).toContainEqual(
        expect.objectContaining({ subject: `${kind} ${id}`, severity: 'error' }),
      );
    }
    const { problems } = await damagedBy((store) => {
      store.config = Buffer.from(store.config!);
      store.config[30]! ^= 1;
    });
    expect(problems).toMatchObject([{ subject: 'config' }]);
  });

  it('misses a snapshot that somebody expects', async () => {
    const { problems } = await damagedBy((store) => store.delete('snapshot', firstSnapshot), {
      expectedSnapshots: [firstSnapshot],
    });
    expect(problems).toMatchObject([{ subject: `snapshot ${firstSnapshot}` }]);
  });

  it('sees two packs that have changed places', async () => {
    const [one, other] = sound.ids('pack');
    const { errorCount } = await damagedBy((store) => {
      store.put('pack', one!, sound.get('pack', other!)!, new Date(0));
      store.put('pack', other!, sound.get('pack', one!)!, new Date(0));
    });
    expect(errorCount).toBeGreaterThan(1);
  });

  it('finds nothing wrong again once a lost index has been made anew from the packs', async () => {
    const store = sound.clone();
    for (const id of store.ids('index')) store.delete('index', id);
    expect((await check(store)).errorCount).toBeGreaterThan(0);
    const { cipher } = maker.repository;
    const files = new MemoryRepositoryFiles(store);
    const repaired = await repairIndex({ files, cipher }, { lock: HELD });
    expect(repaired).toMatchObject({ packs: sound.ids('pack').length, removedIndexes: [] });
    expect((await check(store)).problems).toEqual([]);
    const again = await repairIndex({ files, cipher }, { lock: HELD });
    expect(again.removedIndexes).toEqual(repaired.newIndexes);
    expect((await check(store)).problems).toEqual([]);
  });
});
