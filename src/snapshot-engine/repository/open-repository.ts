import { BlobCipher } from '../crypto/blob-cipher.js';
import type { MasterKey } from '../crypto/master-key.js';
import { damaged, RepositoryError } from '../errors/repository-error.js';
import { parseRepositoryConfig, type RepositoryConfig } from './repository-config.js';
import type { FileCallOptions, RepositoryFiles } from './repository-files.js';
import { unlockedKeys } from './repository-keys.js';
import { CONFIG_NAME } from './repository-layout.js';

export interface OpenOptions extends FileCallOptions {
  readonly password: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What is known once a password has opened a repository. */
export interface OpenedRepository {
  readonly files: RepositoryFiles;
  readonly masterKey: MasterKey;
  readonly keyId: string;
  readonly config: RepositoryConfig;
  readonly now: () => number;
}

/** See Repository.open. */
export async function openRepository(
  files: RepositoryFiles,
  { password, now, signal }: OpenOptions,
): Promise<OpenedRepository> {
  const sealedConfig = await files.loadConfig({ signal });
  if (sealedConfig === undefined) throw notFound();
  let failure: RepositoryError | undefined;
  for await (const { keyId, masterKey } of unlockedKeys(files, password, { signal })) {
    // A key of another master key is what an interrupted creation may leave behind.
    try {
      const config = parseRepositoryConfig(new BlobCipher(masterKey).open(sealedConfig, CONFIG_NAME));
      return { files, masterKey, keyId, config, now };
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      if (error.code === 'unsupported_repository') throw error;
      failure ??= error;
    }
  }
  throw failure ?? damaged('keys', 'there are none, so nobody can open this repository');
}

function notFound(): RepositoryError {
  return new RepositoryError(
    'repository_not_found',
    'There is no repository in this place; check the bucket and its prefix, or create one.',
    CONFIG_NAME,
  );
}
