import type { BlobCipher } from '../crypto/blob-cipher.js';
import type { RepositoryFiles } from '../repository/repository-files.js';

/** What maintenance needs of an opened repository. */
export interface MaintainedRepository {
  readonly files: RepositoryFiles;
  readonly cipher: BlobCipher;
}

/** An exclusive lock of the repository, e.g. a RepositoryLock. */
export interface ExclusiveLock {
  /** Of its lock files; a lock that was refreshed has had several. */
  readonly ids: ReadonlySet<string>;
  /** Throws when the lock may have been lost: asked before everything that removes. */
  assertHeld(): void;
}
