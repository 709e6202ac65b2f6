import type { BlobIndex } from '../blob-index/blob-index.js';
import type { Repository } from '../repository/repository.js';
import { encodeSnapshot, type Snapshot } from '../snapshot/snapshot.js';
import type { ArchiveTarget, CommitFacts } from './archive-target.js';
import { PackedTrees } from './packed-trees.js';

/** Makes a snapshot visible, e.g. by asking a server for it; answers its id. */
export type CommitSnapshot = (snapshot: Snapshot, facts: CommitFacts) => Promise<string>;

/**
 * An opened repository to archive into. `index` must know the whole repository, and goes on with what the runs add.
 * Without `commit` the snapshot is written into the repository.
 */
export function archiveTarget(
  repository: Repository,
  index: BlobIndex,
  commit?: CommitSnapshot,
): ArchiveTarget {
  const { files, masterKey, cipher, chunkerKind, chunkerPolynomial } = repository;
  const trees = new PackedTrees(files, cipher, index);
  let requests = 0;
  return {
    masterKey,
    chunkerKind,
    chunkerPolynomial,
    index,
    files: {
      save: (...call) => {
        requests += 1;
        return files.save(...call);
      },
    },
    saveIndex: async (options) => {
      requests += (await repository.saveIndex(index, options)).length;
    },
    commit: (snapshot, facts) => {
      requests += 1;
      return commit?.(snapshot, facts) ?? repository.saveFile('snapshot', encodeSnapshot(snapshot), facts);
    },
    loadTree: (id, options) => trees.load(id, options),
    get requests() {
      return requests + trees.requests;
    },
  };
}
