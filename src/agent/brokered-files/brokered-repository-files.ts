import { setTimeout as sleep } from 'node:timers/promises';
import type { FileList, OrderedRequest } from '../../agent-protocol/messages.js';
import { isStorageError, StorageError } from '../../storage-providers/storage-errors.js';
import {
  RepositoryError,
  type RepositoryFileKind,
  type RepositoryFiles,
} from '../../snapshot-engine/index.js';
import { retryDelayMs } from '../server-connection/retry-delay.js';
import { FileOrders, type PlaceOrders } from './file-orders.js';
import type { ByteRange, ObjectTransfers } from './object-transfers.js';
import { pacedMd5 } from './paced-md5.js';
import { transferFailure } from './transfer-failure.js';
import { UploadPace } from './upload-pace.js';

interface FileCallOptions {
  readonly signal?: AbortSignal;
}

export interface BrokeredFilesOptions {
  readonly transfers: ObjectTransfers;
  readonly placeOrders: PlaceOrders;
  /** All files of a kind, as the server lists them. */
  readonly listFiles: (kind: 'index' | 'snapshot', options: FileCallOptions) => Promise<FileList>;
  /** Resolves when the server has stored the index file; absent where nothing is stored. */
  readonly storeIndex?: (id: string, bytes: Uint8Array, options: FileCallOptions) => Promise<unknown>;
  readonly pace?: UploadPace;
  /** Called when a file that this host has sent is durable. */
  readonly onStored?: (id: string) => void;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** After them the run fails; the next one goes on with what has arrived. About a minute and a half. */
const MAX_ATTEMPTS = 9;
/** A signature that is refused so often is not too old: the storage does not want it. */
const MAX_RENEWALS = 2;
const SPREAD = { baseMs: 200, maxMs: 20_000 };
/** Other programs' packs end at 128 MiB plus one blob. */
const MAX_FILE_BYTES = 512 * 1_024 * 1_024;

/**
 * A repository as a host without a key sees it: each file by a request that the server has signed, but for index files,
 * which the server stores itself. It can create both and read what it may; it can neither list the bucket, nor replace,
 * nor delete anything.
 *
 * Rejects with StorageErrors, with a ServerRefusal where no order is given, and `unsafe_repository` for what no order
 * is ever given.
 */
export class BrokeredRepositoryFiles implements RepositoryFiles {
  readonly #options: BrokeredFilesOptions;
  readonly #orders: FileOrders;
  readonly #pace: UploadPace;

  constructor(options: BrokeredFilesOptions) {
    this.#options = options;
    this.#orders = new FileOrders(options.placeOrders);
    this.#pace = options.pace ?? new UploadPace(null);
  }

  async save(
    kind: RepositoryFileKind,
    id: string,
    bytes: Uint8Array,
    { signal }: FileCallOptions = {},
  ): Promise<void> {
    if (kind === 'index') await this.#saveIndex(id, bytes, signal);
    else if (kind === 'pack') await this.#savePack(id, bytes, signal);
    else throw never(`store a ${kind}`);
    this.#options.onStored?.(id);
  }

  async load(
    kind: RepositoryFileKind,
    id: string,
    { range, signal }: { readonly range?: ByteRange } & FileCallOptions = {},
  ): Promise<Buffer> {
    if (kind !== 'pack' && kind !== 'index' && kind !== 'snapshot') throw never(`read a ${kind}`);
    if (range?.lengthBytes === 0) return Buffer.alloc(0);
    return this.#attempt('get', signal, async () => {
      const request: OrderedRequest = await unlessAborted(this.#orders.get({ kind, id }), signal);
      const read = await this.#options.transfers.get(request, { range, maxBytes: MAX_FILE_BYTES, signal });
      if (read === 'renew') this.#orders.forget({ kind, id });
      return read;
    });
  }

  async *list(kind: RepositoryFileKind, { signal }: FileCallOptions = {}) {
    if (kind !== 'index' && kind !== 'snapshot') throw never(`list files of the kind ${kind}`);
    const { files } = await this.#options.listFiles(kind, { signal });
    for (const { id, size_bytes: sizeBytes } of files) yield { id, sizeBytes, lastModified: new Date(0) };
  }

  async remove(kind: RepositoryFileKind): Promise<void> {
    throw never(`remove a ${kind}`);
  }

  async loadConfig(): Promise<Buffer | undefined> {
    throw never('read the config');
  }

  async createConfig(): Promise<void> {
    throw never('make a repository');
  }

  async #savePack(id: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { transfers } = this.#options;
    const md5 = await pacedMd5(bytes);
    const order = { kind: 'pack', id, size_bytes: bytes.length, md5 } as const;
    await this.#attempt('put', signal, async () => {
      const request = await unlessAborted(this.#orders.put(order), signal);
      return request === undefined ? 'stored' : transfers.put(request, bytes, { pace: this.#pace, signal });
    });
  }

  /** The server's own patience repeats it. */
  async #saveIndex(id: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { storeIndex } = this.#options;
    if (storeIndex === undefined) throw never('store an index');
    await this.#attempt('put', signal, async () => {
      await this.#pace.take(bytes.length, signal);
      await unlessAborted(storeIndex(id, bytes, { signal }), signal);
      return 'stored';
    });
  }

  /** Repeats what may succeed when it is repeated: with a new order, and after a pause. */
  async #attempt<T>(
    operation: 'put' | 'get',
    signal: AbortSignal | undefined,
    act: () => Promise<T | 'renew'>,
  ): Promise<T> {
    for (let attempt = 0, renewals = 0; ;) {
      throwIfAborted(operation, signal);
      try {
        const result = await act();
        if (result !== 'renew') return result;
        renewals += 1;
        if (renewals > MAX_RENEWALS) throw transferFailure(operation, 403);
      } catch (error) {
        attempt += 1;
        throwIfAborted(operation, signal);
        if (!isStorageError(error) || !error.retryable || attempt >= MAX_ATTEMPTS) throw error;
        const { random = Math.random } = this.#options;
        const waitMs = retryDelayMs(attempt, SPREAD, random, error.retryAfterMs);
        await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}

/** Orders are placed for several files together; who gives up does not wait for the others. */
function unlessAborted<T>(order: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return order;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
    order.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

function throwIfAborted(operation: 'put' | 'get', signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new StorageError('aborted', 'The transfer was cancelled.', {
    operation,
    hint: 'Repeat it if its result is still wanted.',
    retryable: false,
    cause: signal.reason,
  });
}

function never(what: string): RepositoryError {
  return new RepositoryError('unsafe_repository', `An agent cannot ${what}; only its server can.`);
}
