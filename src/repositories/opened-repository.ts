import type { Repository, RepositoryFiles } from '../snapshot-engine/index.js';
import type { ObjectStorage, ProviderName } from '../storage-providers/storage-provider.js';
import type { RepositoryRow } from './repository.entity.js';

/** What never changes in a repository's row. */
export type RepositoryFacts = Readonly<
  Pick<RepositoryRow, 'id' | 'userId' | 'cloudConfigId' | 'prefix' | 'chunker'>
>;

/** Where a repository lies. The storage belongs to a pool: never close it. */
export interface RepositoryPlace {
  readonly row: RepositoryFacts;
  readonly provider: ProviderName;
  /** Below the configuration's own prefix. */
  readonly storage: ObjectStorage;
  /** Of the repository in `storage`, without a slash at either end. */
  readonly prefix: string;
}

/** A repository ready for work; there is nothing to close. */
export interface OpenedRepository extends RepositoryPlace {
  readonly repository: Repository;
  readonly files: RepositoryFiles;
}
