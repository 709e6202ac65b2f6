import type { BlobCipher } from '../crypto/blob-cipher.js';
import type { RepositoryFiles } from '../repository/repository-files.js';

/** What maintenance needs of an opened repository. */
export interface MaintainedRepository {
  readonly files: RepositoryFiles;
  readonly cipher: BlobCipher;
}

/** An exclusive lock of the repository, after restic's rules. */
export interface ExclusiveLock {
  /** Of the lock file. */
  readonly id: string;
  /** Rejects with `repository_locked` when the lock may have been lost: asked before everything that removes. */
  assertHeld(): Promise<void>;
}
