import { hash } from 'node:crypto';
import { DEFAULT_SCRYPT_COST, type ScryptCost } from '../crypto/key-derivation.js';
import type { MasterKey } from '../crypto/master-key.js';
import { damaged, RepositoryError } from '../errors/repository-error.js';
import { openKeyFile, parseKeyFile, sealKeyFile, type KeyDescription, type KeyFile } from './key-file.js';
import type { FileCallOptions, RepositoryFiles } from './repository-files.js';

/** restic's number: each try costs half a second. */
export const MAX_TRIED_KEYS = 20;

export interface KeyInfo extends KeyDescription {
  readonly id: string;
  /** The key that this repository was opened with. */
  readonly isCurrent: boolean;
}

export interface UnlockedKey {
  readonly keyId: string;
  readonly masterKey: MasterKey;
}

export interface NewKey extends KeyDescription {
  readonly password: string;
  /** Of scrypt; the default suits people's passwords. */
  readonly cost?: ScryptCost;
}

/** Stores a key file that leads from the password to the master key; answers its id. */
export async function saveKey(
  files: RepositoryFiles,
  masterKey: MasterKey,
  { password, cost = DEFAULT_SCRYPT_COST, ...description }: NewKey,
  options?: FileCallOptions,
): Promise<string> {
  const json = await sealKeyFile(masterKey, password, description, cost);
  const id = hash('sha256', json);
  await files.save('key', id, json, options);
  return id;
}

/** Loads a key file. `damaged_repository` when its bytes do not have its name or it is none. */
export async function loadKey(
  files: RepositoryFiles,
  id: string,
  options?: FileCallOptions,
): Promise<KeyFile> {
  const subject = `key ${id}`;
  const json = await files.load('key', id, options);
  if (hash('sha256', json) !== id) throw damaged(subject, 'its bytes do not have its name');
  return parseKeyFile(json, subject);
}

/**
 * Every key that the password opens, among the first MAX_TRIED_KEYS; usually one. A key that cannot be read is passed
 * over, for another may do. Throws `wrong_password` when all of them could be read and none opened, else why one could
 * not be.
 */
export async function* unlockedKeys(
  files: RepositoryFiles,
  password: string,
  { signal }: FileCallOptions = {},
): AsyncGenerator<UnlockedKey, void, void> {
  let tried = 0;
  let opened = 0;
  let failure: RepositoryError | undefined;
  for await (const { id } of files.list('key', { signal })) {
    if ((tried += 1) > MAX_TRIED_KEYS) break;
    try {
      const masterKey = await openKeyFile(await loadKey(files, id, { signal }), password, `key ${id}`);
      signal?.throwIfAborted();
      if (masterKey === undefined) continue;
      opened += 1;
      yield { keyId: id, masterKey };
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      failure ??= error;
    }
  }
  if (opened === 0 && tried > 0) throw failure ?? wrongPassword();
}

export function wrongPassword(): RepositoryError {
  return new RepositoryError('wrong_password', 'No key of this repository opens with this password.');
}
