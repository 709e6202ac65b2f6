import type { ArchiveProblem } from './archive-problem.js';
import type { BlobIndex } from '../blob-index/blob-index.js';
import type { ChunkerKind } from '../chunker/chunker.js';
import type { MasterKey } from '../crypto/master-key.js';
import type { RepositoryFiles } from '../repository/repository-files.js';
import type { Snapshot } from '../snapshot/snapshot.js';

interface Cancellable {
  readonly signal: AbortSignal;
}

/** What is known of a run beside its snapshot. */
export interface CommitFacts extends Cancellable {
  /** As in an ArchiveResult. */
  readonly problems: readonly ArchiveProblem[];
  readonly problemCount: number;
  /** Calls to the storage so far by this run. */
  readonly requests: number;
}

/** The repository as an archive run uses it. */
export interface ArchiveTarget {
  readonly masterKey: MasterKey;
  readonly chunkerKind: ChunkerKind;
  readonly chunkerPolynomial: bigint;
  /** Knows every blob of the repository that may be relied on. */
  readonly index: BlobIndex;
  readonly files: Pick<RepositoryFiles, 'save'>;
  /** Lists all packs that no index file lists yet in new index files, and resolves when those are durable. */
  saveIndex(options: Cancellable): Promise<void>;
  /** Makes the snapshot visible and answers its id. Everything that it needs is durable. */
  commit(snapshot: Snapshot, facts: CommitFacts): Promise<string>;
  /** A tree blob's plaintext; `undefined` when the repository does not have it. */
  loadTree(id: string, options: Cancellable): Promise<Uint8Array | undefined>;
  /** Calls to the storage so far, those of `commit` included. */
  readonly requests: number;
}
