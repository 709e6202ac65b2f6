import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { isStorageError, type StorageError } from '../../storage-providers/storage-errors.js';
import type { ObjectStorage, PutOptions } from '../../storage-providers/storage-provider.js';
import { strictList } from '../../storage-providers/strict-list.js';
import { LoopPacer } from '../blob-index/loop-pacer.js';
import { damaged, RepositoryError } from '../errors/repository-error.js';
import { contentBytes } from './object-content.js';
import type {
  FileCallOptions,
  RepositoryFileInfo,
  RepositoryFileKind,
  RepositoryFiles,
} from './repository-files.js';
import { CONFIG_NAME, fileName, folderOf, idInFolder } from './repository-layout.js';

/** What is read into memory at once at most; other programs' packs end at 128 MiB plus one blob. */
const MAX_FILE_BYTES: Readonly<Record<RepositoryFileKind, number>> = {
  key: 64 * 1_024,
  lock: 64 * 1_024,
  doomed: 64 * 1_024 * 1_024,
  snapshot: 64 * 1_024 * 1_024,
  index: 64 * 1_024 * 1_024,
  pack: 512 * 1_024 * 1_024,
};
const MAX_CONFIG_BYTES = 1_024 * 1_024;

/** MD5 takes 30 ms for a pack; it is computed in pieces of this size. */
const HASHED_PIECE_BYTES = 1_024 * 1_024;

/** How long two creators of one repository may miss each other's config where a storage has no create-only. */
const CREATION_RACE_MS = 2_000;

export interface ObjectRepositoryFilesOptions {
  /** Where the repository begins, without a slash at either end; the whole storage when empty. */
  readonly prefix?: string;
  readonly creationRaceMs?: number;
}

/** A repository below a prefix of an object storage, in restic's default layout. */
export class ObjectRepositoryFiles implements RepositoryFiles {
  readonly #storage: ObjectStorage;
  readonly #prefix: string;
  readonly #creationRaceMs: number;

  constructor(
    storage: ObjectStorage,
    { prefix = '', creationRaceMs = CREATION_RACE_MS }: ObjectRepositoryFilesOptions = {},
  ) {
    this.#storage = storage;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#creationRaceMs = creationRaceMs;
  }

  async save(
    kind: RepositoryFileKind,
    id: string,
    bytes: Uint8Array,
    { signal }: FileCallOptions = {},
  ): Promise<void> {
    const key = this.#prefix + fileName(kind, id);
    const options = await this.#bindContent(bytes, Buffer.from(id, 'hex'), signal);
    try {
      await this.#storage.put(key, bytes, { ...options, createOnly: this.#storage.capabilities.createOnly });
    } catch (error) {
      if (await this.#isStored(key, bytes.length, error, signal)) return;
      if (!isStorageError(error, 'conflict')) throw error;
      // Something else lies under the name of these bytes, e.g. what is left of a torn upload.
      await this.#storage.put(key, bytes, options);
    }
  }

  async load(
    kind: RepositoryFileKind,
    id: string,
    { range, signal }: { range?: { offset: number; lengthBytes: number } } & FileCallOptions = {},
  ): Promise<Buffer> {
    const key = this.#prefix + fileName(kind, id);
    const subject = `${kind} ${id}`;
    if (range === undefined) {
      return contentBytes(
        await this.#storage.get(key, { inOnePiece: true, signal }),
        MAX_FILE_BYTES[kind],
        subject,
      );
    }
    const { offset, lengthBytes } = range;
    if (lengthBytes > MAX_FILE_BYTES[kind]) throw damaged(subject, 'a part of it would be too large to read');
    if (lengthBytes === 0) return Buffer.alloc(0);
    const content = await this.#storage.get(key, {
      range: { start: offset, end: offset + lengthBytes - 1 },
      inOnePiece: true,
      signal,
    });
    const bytes = await contentBytes(content, lengthBytes, subject);
    if (bytes.length !== lengthBytes) throw damaged(subject, 'it ends before what should lie in it');
    return bytes;
  }

  async *list(
    kind: RepositoryFileKind,
    { signal }: FileCallOptions = {},
  ): AsyncGenerator<RepositoryFileInfo, void, void> {
    const prefix = this.#prefix + folderOf(kind);
    for await (const { key, sizeBytes, lastModified } of strictList(this.#storage, { prefix, signal })) {
      const id = idInFolder(kind, key.slice(prefix.length));
      if (id !== undefined) yield { id, sizeBytes, lastModified };
    }
  }

  async remove(kind: RepositoryFileKind, id: string, { signal }: FileCallOptions = {}): Promise<void> {
    await this.#storage.delete(this.#prefix + fileName(kind, id), { signal });
  }

  async loadConfig({ signal }: FileCallOptions = {}): Promise<Buffer | undefined> {
    try {
      const content = await this.#storage.get(this.#prefix + CONFIG_NAME, { signal });
      return await contentBytes(content, MAX_CONFIG_BYTES, CONFIG_NAME);
    } catch (error) {
      if (isStorageError(error, 'object_not_found')) return undefined;
      throw error;
    }
  }

  async createConfig(bytes: Uint8Array, { signal }: FileCallOptions = {}): Promise<void> {
    const { createOnly } = this.#storage.capabilities;
    if (!createOnly && (await this.loadConfig({ signal })) !== undefined) throw exists();
    const key = this.#prefix + CONFIG_NAME;
    const digest = createHash('sha256').update(bytes).digest();
    let failure: StorageError | undefined;
    try {
      await this.#storage.put(key, bytes, {
        ...(await this.#bindContent(bytes, digest, signal)),
        createOnly,
      });
    } catch (error) {
      if (!isStorageError(error) || !isDoubtful(error)) throw error;
      failure = error;
    }
    if (failure === undefined && createOnly) return;
    if (failure === undefined) await setTimeout(this.#creationRaceMs, undefined, { signal });
    await this.#assertOwnConfig(bytes, failure, signal);
  }

  /** After a doubtful creation: whose config is it? `failure` is thrown when there is none. */
  async #assertOwnConfig(
    bytes: Uint8Array,
    failure: StorageError | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const stored = await this.loadConfig({ signal });
    if (stored === undefined) throw failure ?? damaged(CONFIG_NAME, 'it vanished after it had been stored');
    if (stored.compare(bytes) !== 0) throw exists();
  }

  /** Whether the bytes are there in spite of an error: the answer was lost, or they had been stored before. */
  async #isStored(key: string, sizeBytes: number, error: unknown, signal?: AbortSignal): Promise<boolean> {
    if (!isStorageError(error) || !isDoubtful(error) || signal?.aborted) return false;
    try {
      return (await this.#storage.head(key, { signal })).sizeBytes === sizeBytes;
    } catch {
      // The first error says more than that we could not look.
      return false;
    }
  }

  /** The digest that this storage compares the body with. */
  async #bindContent(bytes: Uint8Array, sha256: Uint8Array, signal?: AbortSignal): Promise<PutOptions> {
    const options = { sizeBytes: bytes.length, contentType: 'application/octet-stream', signal };
    if (this.#storage.capabilities.contentBound === 'sha256') return { ...options, sha256 };
    return { ...options, md5: await md5Of(bytes) };
  }
}

/** Errors after which the object may have been stored all the same. */
function isDoubtful(error: StorageError): boolean {
  return error.retryable || DOUBTFUL_CODES.has(error.code);
}

const DOUBTFUL_CODES: ReadonlySet<string> = new Set(['conflict', 'endpoint_unreachable', 'provider_error']);

async function md5Of(bytes: Uint8Array): Promise<Buffer> {
  const md5 = createHash('md5');
  const pacer = new LoopPacer();
  for (let at = 0; at < bytes.length; at += HASHED_PIECE_BYTES) {
    md5.update(bytes.subarray(at, at + HASHED_PIECE_BYTES));
    if (pacer.isDue) await pacer.rest();
  }
  return md5.digest();
}

function exists(): RepositoryError {
  return new RepositoryError(
    'repository_exists',
    'There is a repository in this place already; open it, or choose another prefix.',
    CONFIG_NAME,
  );
}
