import { hash } from 'node:crypto';
import { RepositoryError } from '../../src/snapshot-engine/errors/repository-error.js';
import type {
  FileCallOptions,
  RepositoryFileInfo,
  RepositoryFileKind,
  RepositoryFiles,
} from '../../src/snapshot-engine/repository/repository-files.js';
import { StorageError, type StorageErrorCode } from '../../src/storage-providers/storage-errors.js';
import { KINDS, type MemoryRepositoryStore } from './memory-repository-store.js';

export { MemoryRepositoryStore } from './memory-repository-store.js';

/**
 * How a process stops at one of its calls:
 * `before`: the call never arrives. `after-without-answer`: it takes effect, and nobody learns of it.
 * `torn`: calls under way at the same time arrive or not, each by chance; a file that is cut off in the middle is not
 * kept, as every provider promises. `duplicated`: not a stop: the call takes effect, is answered, and takes effect
 * again later, as a repeated request that was under way for long.
 */
export const STOP_MODES = ['before', 'after-without-answer', 'torn', 'duplicated'] as const;
export type StopMode = (typeof STOP_MODES)[number];

/**
 * What happens to one call of a process that lives on. `unanswered`: it takes effect and fails; `late`: it fails, and
 * takes effect when `later` lets it; `duplicated`: it succeeds, and takes effect again then; `refused`: it fails.
 */
export type CallFate = 'done' | 'unanswered' | 'late' | 'duplicated' | 'refused';

export interface MemoryFilesOptions {
  /** Counted from 1 over all calls. */
  readonly stopAt?: { readonly call: number; readonly mode: StopMode; readonly seed?: number };
  /** The provider's clock, for `lastModified`. */
  readonly now?: () => number;
  /** Awaited before a call takes effect and before it is answered; may throw. For virtual time and failures. */
  readonly pace?: (point: 'arrive' | 'answer', call: MemoryCall) => Promise<void>;
  readonly fate?: (call: MemoryCall) => CallFate;
  /** Takes what is to take effect later; without it that happens `STRAY_CALLS` calls later. */
  readonly later?: (act: () => void, call: MemoryCall) => void;
}

export interface MemoryCall {
  readonly number: number;
  readonly method: 'save' | 'load' | 'list' | 'remove' | 'loadConfig' | 'createConfig';
  readonly kind: RepositoryFileKind | 'config';
  readonly id: string;
}

/** After so many further calls a duplicated request takes effect again. */
export const STRAY_CALLS = 3;

/**
 * One process's view of a store in memory. It holds callers to the contract of RepositoryFiles (names are SHA-256,
 * create-only, ascending lists) and can stop the process at any of its calls: from then on no call arrives.
 */
export class MemoryRepositoryFiles implements RepositoryFiles {
  readonly calls: MemoryCall[] = [];
  readonly #store: MemoryRepositoryStore;
  readonly #options: MemoryFilesOptions;
  readonly #underWay = new Set<UnderWay>();
  readonly #strays: { readonly dueAt: number; readonly act: () => void }[] = [];
  #stopped = false;
  #random: number;

  constructor(store: MemoryRepositoryStore, options: MemoryFilesOptions = {}) {
    this.#store = store;
    this.#options = options;
    this.#random = (options.stopAt?.seed ?? options.stopAt?.call ?? 0) * 2_654_435_761 + 1;
  }

  /** Whether the process has met its end. */
  get stopped(): boolean {
    return this.#stopped;
  }

  save(kind: RepositoryFileKind, id: string, bytes: Uint8Array, options?: FileCallOptions): Promise<void> {
    assertName(kind, id);
    if (hash('sha256', bytes, 'hex') !== id)
      throw new Error(`save(${kind}, ${id}): the name is not the content's.`);
    const copy = Buffer.from(bytes);
    return this.#call('save', kind, id, options, () => {
      if (!this.#store.has(kind, id)) this.#store.put(kind, id, copy, this.#now());
    });
  }

  load(
    kind: RepositoryFileKind,
    id: string,
    options: { readonly range?: { offset: number; lengthBytes: number } } & FileCallOptions = {},
  ): Promise<Buffer> {
    assertName(kind, id);
    const { range } = options;
    return this.#call('load', kind, id, options, () => {
      const bytes = this.#store.get(kind, id);
      if (bytes === undefined) throw storageError('object_not_found', `There is no ${kind} ${id}.`);
      if (range === undefined) return Buffer.from(bytes);
      if (range.lengthBytes < 1) throw new Error(`load(${kind}, ${id}): a range of no bytes.`);
      const end = range.offset + range.lengthBytes;
      if (end > bytes.length) throw storageError('integrity', `The ${kind} ${id} ends before the range.`);
      return Buffer.from(bytes.subarray(range.offset, end));
    });
  }

  async *list(kind: RepositoryFileKind, options?: FileCallOptions): AsyncIterable<RepositoryFileInfo> {
    yield* await this.#call('list', kind, '', options, () => this.#store.list(kind));
  }

  remove(kind: RepositoryFileKind, id: string, options?: FileCallOptions): Promise<void> {
    assertName(kind, id);
    return this.#call('remove', kind, id, options, () => void this.#store.delete(kind, id));
  }

  loadConfig(options?: FileCallOptions): Promise<Buffer | undefined> {
    return this.#call('loadConfig', 'config', '', options, () => {
      return this.#store.config && Buffer.from(this.#store.config);
    });
  }

  createConfig(bytes: Uint8Array, options?: FileCallOptions): Promise<void> {
    const copy = Buffer.from(bytes);
    return this.#call('createConfig', 'config', '', options, () => {
      if (this.#store.config !== undefined) {
        throw new RepositoryError('repository_exists', 'There is a repository already.');
      }
      this.#store.config = copy;
    });
  }

  /** Lets requests that are still under way for the second time arrive now. */
  settleStrays(): void {
    for (const stray of this.#strays.splice(0)) stray.act();
  }

  async #call<T>(
    method: MemoryCall['method'],
    kind: MemoryCall['kind'],
    id: string,
    options: FileCallOptions | undefined,
    act: () => T,
  ): Promise<T> {
    options?.signal?.throwIfAborted();
    if (this.#stopped) throw dead();
    const call = { number: this.calls.length + 1, method, kind, id };
    this.calls.push(call);
    this.#arriveStrays(call.number);
    const underWay: UnderWay = { act, arrived: false };
    this.#underWay.add(underWay);
    try {
      // Others may be under way at the same time, as over a network.
      await (this.#options.pace?.('arrive', call) ?? Promise.resolve());
      const result = this.#arrive(call, underWay, act);
      await this.#options.pace?.('answer', call);
      if (this.#stopped) throw dead();
      return result;
    } finally {
      this.#underWay.delete(underWay);
    }
  }

  #arrive<T>(call: MemoryCall, underWay: UnderWay, act: () => T): T {
    if (this.#stopped) throw dead();
    const { stopAt, fate } = this.#options;
    if (stopAt?.call === call.number) this.#meet(stopAt.mode, call, underWay);
    underWay.arrived = true;
    switch (fate?.(call) ?? 'done') {
      case 'done':
        return act();
      case 'duplicated':
        this.#later(call, act);
        return act();
      case 'unanswered':
        act();
        throw storageError('endpoint_unreachable', 'No answer came.');
      case 'late':
        this.#later(call, act);
        throw storageError('endpoint_unreachable', 'No answer came in time.');
      case 'refused':
        throw storageError('endpoint_unreachable', 'The request did not arrive.');
    }
  }

  /** Throws unless the process lives on. */
  #meet(mode: StopMode, call: MemoryCall, underWay: UnderWay): void {
    if (mode === 'duplicated') {
      this.#later(call, underWay.act);
      return;
    }
    this.#stopped = true;
    if (mode === 'after-without-answer') quietly(underWay.act);
    if (mode === 'torn') {
      for (const other of this.#underWay) {
        if (!other.arrived && this.#chance()) this.#soon(call, other.act);
      }
    }
    throw dead();
  }

  #later(call: MemoryCall, act: () => unknown): void {
    if (this.#options.later !== undefined) this.#options.later(() => quietly(act), call);
    else this.#strays.push({ dueAt: call.number + STRAY_CALLS, act: () => quietly(act) });
  }

  /** A dead process makes no calls that strays could wait for. */
  #soon(call: MemoryCall, act: () => unknown): void {
    if (this.#options.later !== undefined) this.#options.later(() => quietly(act), call);
    else quietly(act);
  }

  #arriveStrays(callNumber: number): void {
    while ((this.#strays[0]?.dueAt ?? Infinity) <= callNumber) this.#strays.shift()!.act();
  }

  #chance(): boolean {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) >>> 0;
    return (this.#random >>> 16) % 2 === 0;
  }

  #now(): Date {
    return new Date(this.#options.now?.() ?? 0);
  }
}

interface UnderWay {
  readonly act: () => unknown;
  arrived: boolean;
}

/** The second arrival of a request has nobody who waits for its answer. */
function quietly(act: () => unknown): void {
  try {
    act();
  } catch {
    // Refused, e.g. create-only: what lies there stays.
  }
}

function assertName(kind: RepositoryFileKind, id: string): void {
  if (!KINDS.includes(kind)) throw new Error(`There is no kind ${kind}.`);
  if (!/^[0-9a-f]{64}$/.test(id)) throw new Error(`${id} is no name of a ${kind}.`);
}

function dead(): StorageError {
  return storageError('endpoint_unreachable', 'The process has stopped.');
}

function storageError(code: StorageErrorCode, message: string): StorageError {
  return new StorageError(code, message, { operation: 'get', hint: '', retryable: false });
}
