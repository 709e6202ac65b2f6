import type { ChunkerKind } from '../chunker/chunker.js';
import { BlobCipher } from '../crypto/blob-cipher.js';
import type { ScryptCost } from '../crypto/key-derivation.js';
import { createMasterKey } from '../crypto/master-key.js';
import { isRepositoryError, RepositoryError } from '../errors/repository-error.js';
import { createRepositoryConfig, encodeRepositoryConfig } from './repository-config.js';
import type { RepositoryFiles } from './repository-files.js';
import { saveKey, unlockedKeys, type UnlockedKey } from './repository-keys.js';
import { CONFIG_NAME } from './repository-layout.js';
import type { OpenedRepository, OpenOptions } from './open-repository.js';

export interface CreateOptions extends OpenOptions {
  readonly hostname?: string;
  readonly username?: string;
  /** `gear` when absent; `rabin` where stock restic shall deduplicate against what is written here. */
  readonly chunker?: ChunkerKind;
  /** Of the password; the default suits people's passwords. */
  readonly scryptCost?: ScryptCost;
}

/**
 * See Repository.create. Of several creators the one whose config is stored first has made the repository. The others
 * take their key back, unless that config was sealed with the same master key, which two creators with one password
 * may share.
 */
export async function createRepository(
  files: RepositoryFiles,
  options: CreateOptions,
): Promise<OpenedRepository> {
  const { now, signal, chunker = 'gear' } = options;
  await assertFree(files, signal);
  const left = await keyLeftBehind(files, options);
  const { keyId, masterKey } = left ?? (await saveNewKey(files, options));
  const config = createRepositoryConfig(chunker);
  const cipher = new BlobCipher(masterKey);
  try {
    await files.createConfig(cipher.seal(encodeRepositoryConfig(config)), { signal });
  } catch (error) {
    const lost = left === undefined && isRepositoryError(error, 'repository_exists');
    if (lost && !(await opensConfig(files, cipher))) await files.remove('key', keyId);
    throw error;
  }
  return { files, masterKey, keyId, config, now };
}

/** A config means a repository; so do snapshots, indexes or packs, whose config was lost. */
async function assertFree(files: RepositoryFiles, signal: AbortSignal | undefined): Promise<void> {
  if ((await files.loadConfig({ signal })) !== undefined) {
    throw occupied('There is a repository in this place already; open it, or choose another prefix.');
  }
  for (const kind of ['snapshot', 'index', 'pack'] as const) {
    for await (const _ of files.list(kind, { signal })) {
      throw occupied('There is a repository in this place whose config is lost; choose another prefix.');
    }
  }
}

/** The key that an interrupted creation with this password has stored. */
async function keyLeftBehind(
  files: RepositoryFiles,
  { password, signal }: CreateOptions,
): Promise<UnlockedKey | undefined> {
  try {
    for await (const key of unlockedKeys(files, password, { signal })) return key;
  } catch (error) {
    // Keys of other passwords open nothing here and do no harm.
    if (!(error instanceof RepositoryError)) throw error;
  }
  return undefined;
}

async function saveNewKey(
  files: RepositoryFiles,
  { password, hostname = '', username = '', now, scryptCost, signal }: CreateOptions,
): Promise<UnlockedKey> {
  const masterKey = createMasterKey();
  const created = new Date(now()).toISOString();
  const key = { password, hostname, username, created, cost: scryptCost };
  return { keyId: await saveKey(files, masterKey, key, { signal }), masterKey };
}

async function opensConfig(files: RepositoryFiles, cipher: BlobCipher): Promise<boolean> {
  const sealed = await files.loadConfig();
  if (sealed === undefined) return true;
  try {
    cipher.open(sealed, CONFIG_NAME);
    return true;
  } catch {
    return false;
  }
}

function occupied(message: string): RepositoryError {
  return new RepositoryError('repository_exists', message, CONFIG_NAME);
}
