import { encodeMasterKey, parseMasterKey, type MasterKey } from '../crypto/master-key.js';
import { encodeRepositoryConfig, parseRepositoryConfig, type RepositoryConfig } from './repository-config.js';

/** Opens a repository without a password: as secret as one, and as hard to take back. */
export interface RepositoryGrant {
  /** JSON as in a key file. */
  readonly masterKey: string;
  /** JSON as in `config`. */
  readonly config: string;
}

export function makeGrant(masterKey: MasterKey, config: RepositoryConfig): RepositoryGrant {
  return {
    masterKey: encodeMasterKey(masterKey).toString(),
    config: encodeRepositoryConfig(config).toString(),
  };
}

/** Throws `damaged_repository` or `unsupported_repository`. */
export function readGrant(grant: RepositoryGrant): { masterKey: MasterKey; config: RepositoryConfig } {
  return {
    masterKey: parseMasterKey(Buffer.from(grant.masterKey), 'grant'),
    config: parseRepositoryConfig(Buffer.from(grant.config)),
  };
}
