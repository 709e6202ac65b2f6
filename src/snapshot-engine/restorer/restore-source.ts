import type { BlobIndex, BlobLocation } from '../blob-index/blob-index.js';
import type { MasterKey } from '../crypto/master-key.js';
import type { RepositoryFiles } from '../repository/repository-files.js';

export type { BlobLocation };

/** What a restore needs of a blob index. */
export type BlobLookup = Pick<BlobIndex, 'find' | 'findAll' | 'disputedData'>;

/** What a restore needs of a repository: sealed bytes, and the key that opens them. */
export interface RestoreSource {
  readonly masterKey: MasterKey;
  readonly files: Pick<RepositoryFiles, 'load'>;
}
