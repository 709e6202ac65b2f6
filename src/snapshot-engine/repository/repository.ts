import type { BlobIndex } from '../blob-index/blob-index.js';
import type { ChunkerKind } from '../chunker/chunker.js';
import { BlobCipher } from '../crypto/blob-cipher.js';
import type { ScryptCost } from '../crypto/key-derivation.js';
import type { MasterKey } from '../crypto/master-key.js';
import { RepositoryError } from '../errors/repository-error.js';
import type { BlobType } from '../pack/packed-blob.js';
import type { BadPack } from './bad-packs.js';
import { BlobLoader } from './blob-loader.js';
import { loadIndexFiles, refreshIndexFiles, saveIndexFiles, type IndexChanges } from './index-files.js';
import type { RepositoryConfig } from './repository-config.js';
import { createRepository, type CreateOptions } from './create-repository.js';
import type { FileCallOptions, RepositoryFiles } from './repository-files.js';
import { makeGrant, readGrant, type RepositoryGrant } from './repository-grant.js';
import { loadKey, saveKey, type KeyInfo } from './repository-keys.js';
import { openRepository, type OpenedRepository, type OpenOptions } from './open-repository.js';
import {
  loadSealedFile,
  saveSealedFile,
  sealFile,
  type SealedFile,
  type SealedFileKind,
} from './sealed-files.js';

export type { CreateOptions, OpenOptions };

export interface AddKeyOptions extends FileCallOptions {
  readonly hostname?: string;
  readonly username?: string;
  readonly scryptCost?: ScryptCost;
}

/** An opened restic repository of format 2. Holds no connection and no lock; there is nothing to close. */
export class Repository {
  readonly files: RepositoryFiles;
  readonly masterKey: MasterKey;
  /** For the thread that opened the repository; other threads make their own of `masterKey`. */
  readonly cipher: BlobCipher;
  /** Id of the key that the password opened; empty with a grant. */
  readonly keyId: string;
  readonly #config: RepositoryConfig;
  readonly #now: () => number;
  readonly #blobs: BlobLoader;

  private constructor({ files, masterKey, keyId, config, now }: OpenedRepository) {
    this.files = files;
    this.masterKey = masterKey;
    this.cipher = new BlobCipher(masterKey);
    this.keyId = keyId;
    this.#config = config;
    this.#now = now;
    this.#blobs = new BlobLoader(files, this.cipher);
  }

  /**
   * Makes a repository where there is none: key first, then config, as restic does. A creation that was interrupted is
   * completed with the same password. Throws `repository_exists` when there is a config, or data without one.
   */
  static async create(files: RepositoryFiles, options: CreateOptions): Promise<Repository> {
    return new Repository(await createRepository(files, options));
  }

  /**
   * Opens with one of at most 20 keys. Throws `repository_not_found`, `wrong_password`, `unsupported_repository` or
   * `damaged_repository`.
   */
  static async open(files: RepositoryFiles, options: OpenOptions): Promise<Repository> {
    return new Repository(await openRepository(files, options));
  }

  /**
   * Opens without a password, with what `grant` told where it was opened with one: for hosts that may not read keys.
   * Nothing is asked of the storage. Throws `damaged_repository` or `unsupported_repository`.
   */
  static fromGrant(
    files: RepositoryFiles,
    grant: RepositoryGrant,
    { now }: Pick<OpenOptions, 'now'>,
  ): Repository {
    return new Repository({ files, ...readGrant(grant), keyId: '', now });
  }

  /** The secret that opens this repository without a password, for `fromGrant`. */
  grant(): RepositoryGrant {
    return makeGrant(this.masterKey, this.#config);
  }

  /** 64 hex digits, random; the same for all keys. */
  get id(): string {
    return this.#config.id;
  }

  /** Irreducible over GF(2), of degree 53; the coefficients as bits. */
  get chunkerPolynomial(): bigint {
    return this.#config.chunkerPolynomial;
  }

  get chunkerKind(): ChunkerKind {
    return this.#config.chunkerKind;
  }

  /** Compresses and seals a file that is stored later, by `files.save` under its id. */
  async sealFile(plaintext: Uint8Array): Promise<SealedFile> {
    return sealFile(this.cipher, plaintext);
  }

  /** Compresses, seals and stores a file; answers its id when it is durable. */
  async saveFile(
    kind: SealedFileKind,
    plaintext: Uint8Array | string,
    options?: FileCallOptions,
  ): Promise<string> {
    const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext) : plaintext;
    return saveSealedFile(this.files, this.cipher, kind, bytes, options);
  }

  /** The plaintext of a file, proven to be what was sealed under this id. */
  async loadFile(kind: SealedFileKind, id: string, options?: FileCallOptions): Promise<Buffer> {
    return loadSealedFile(this.files, this.cipher, kind, id, options);
  }

  /** The plaintext of one blob, its hash proven; not to be changed. Trees that were read last are kept. */
  async loadBlob(type: BlobType, id: string, index: BlobIndex, options?: FileCallOptions): Promise<Buffer> {
    return this.#blobs.load(type, id, index, options);
  }

  /** Packs in which `loadBlob` has looked in vain since the last call, also where it found the blob in another. */
  takeBadPacks(): readonly BadPack[] {
    return this.#blobs.badPacks.take();
  }

  /** All index files as one index, or an error: a part of the truth is none. Readers list snapshots before. */
  async loadIndex(options?: FileCallOptions): Promise<BlobIndex> {
    return loadIndexFiles(this.files, this.cipher, options);
  }

  /** Adds to `index` what others have written since; tells which files it was made of are gone. */
  async refreshIndex(index: BlobIndex, options?: FileCallOptions): Promise<IndexChanges> {
    return refreshIndexFiles(this.files, this.cipher, index, options);
  }

  /** Stores index files for the packs that none lists yet; they must be durable. Answers the new ids. */
  async saveIndex(index: BlobIndex, options?: FileCallOptions): Promise<string[]> {
    return saveIndexFiles(this.files, this.cipher, index, options);
  }

  /** Lets another password open this repository; answers the new key's id. */
  async addKey(
    password: string,
    { hostname = '', username = '', scryptCost, signal }: AddKeyOptions = {},
  ): Promise<string> {
    const created = new Date(this.#now()).toISOString();
    const key = { password, created, hostname, username, cost: scryptCost };
    return saveKey(this.files, this.masterKey, key, { signal });
  }

  /** All keys that can be read, ascending by id. */
  async listKeys({ signal }: FileCallOptions = {}): Promise<KeyInfo[]> {
    const keys: KeyInfo[] = [];
    for await (const { id } of this.files.list('key', { signal })) {
      try {
        const { created, hostname, username } = await loadKey(this.files, id, { signal });
        keys.push({ id, created, hostname, username, isCurrent: id === this.keyId });
      } catch (error) {
        if (!(error instanceof RepositoryError)) throw error;
      }
    }
    return keys;
  }

  /**
   * Removes a key. The one that this repository was opened with stays (`key_in_use`): opening with another password
   * is the proof that the other one works, and so never the last key goes. `key_not_found` when there is none.
   */
  async removeKey(id: string, { signal }: FileCallOptions = {}): Promise<void> {
    if (id === this.keyId) {
      throw new RepositoryError(
        'key_in_use',
        'This key has opened the repository; open it with another password to remove this one.',
        `key ${id}`,
      );
    }
    const keys = await this.listKeys({ signal });
    if (!keys.some((key) => key.isCurrent) || !keys.some((key) => key.id === id)) {
      throw new RepositoryError('key_not_found', 'The repository has no such key any more.', `key ${id}`);
    }
    await this.files.remove('key', id, { signal });
  }
}
