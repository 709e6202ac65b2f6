import { describe, expect, it } from '@jest/globals';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { RepositoryError } from '../errors/repository-error.js';
import { Repository } from '../repository/repository.js';
import { listSnapshots, loadSnapshot } from './snapshot-list.js';
import { encodeSnapshot } from './snapshot.js';

const TREE = 'ab'.repeat(32);

async function fixture() {
  const store = new MemoryRepositoryStore();
  const files = new MemoryRepositoryFiles(store);
  const repository = await Repository.create(files, {
    password: 'p',
    now: () => 0,
    chunker: 'gear',
    scryptCost: { n: 2, r: 1, p: 1 },
  });
  const save = (timeNs: bigint) =>
    repository.saveFile('snapshot', encodeSnapshot({ timeNs, tree: TREE, paths: ['/w'] }));
  const loads = () =>
    files.calls.filter(({ method, kind }) => method === 'load' && kind === 'snapshot').length;
  return { store, files, repository, save, loads };
}

describe('the list of snapshots', () => {
  it('is in the order of their times', async () => {
    const { repository, save } = await fixture();
    const ids = [await save(3n), await save(1n), await save(2n)];
    const { snapshots, unreadable } = await listSnapshots(repository);
    expect(snapshots.map(({ id }) => id)).toEqual([ids[1], ids[2], ids[0]]);
    expect(snapshots[0]).toMatchObject({ timeNs: 1n, tree: TREE, paths: ['/w'] });
    expect(unreadable).toEqual([]);
  });

  it('tells which files are damaged, and is spoilt by none unless it shall be', async () => {
    const { repository, save } = await fixture();
    const good = await save(1n);
    const bad = await repository.saveFile('snapshot', '{"time":"1970-01-01T00:00:00Z"}');
    const { snapshots, unreadable } = await listSnapshots(repository);
    expect(snapshots.map(({ id }) => id)).toEqual([good]);
    expect(unreadable).toEqual([
      { id: bad, error: expect.objectContaining({ code: 'damaged_repository', subject: `snapshot ${bad}` }) },
    ]);
    await expect(listSnapshots(repository, { strict: true })).rejects.toThrow('it has no tree');
  });

  it('loads nothing that is known', async () => {
    const { repository, save, loads } = await fixture();
    await save(1n);
    await save(2n);
    const { snapshots: known } = await listSnapshots(repository);
    const before = loads();
    await save(3n);
    const { snapshots } = await listSnapshots(repository, { known });
    expect(snapshots).toHaveLength(3);
    expect(loads() - before).toBe(1);
  });

  it('leaves out what is forgotten meanwhile', async () => {
    const { repository, store, save } = await fixture();
    const stays = await save(1n);
    const goes = await save(2n);
    const { snapshots, unreadable } = await listSnapshots({
      files: repository.files,
      loadFile: (kind, id, options) => {
        store.delete('snapshot', goes);
        return repository.loadFile(kind, id, options);
      },
    });
    expect(snapshots.map(({ id }) => id)).toEqual([stays]);
    expect(unreadable).toEqual([]);
    await expect(loadSnapshot(repository, goes)).rejects.toThrow(RepositoryError);
    await expect(loadSnapshot(repository, goes)).rejects.toMatchObject({ code: 'snapshot_not_found' });
  });
});
