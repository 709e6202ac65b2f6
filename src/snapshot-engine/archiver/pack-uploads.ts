import type { FinishedPack } from '../pack/pack-writer.js';
import type { RepositoryFiles } from '../repository/repository-files.js';

export interface UploadLimits {
  /** Packs that are on their way at the same time. */
  readonly maxParallel: number;
  /** Bytes of packs on their way or waiting, above which nothing more is read. */
  readonly maxBytes: number;
}

export const DEFAULT_UPLOAD_LIMITS: UploadLimits = { maxParallel: 4, maxBytes: 32 * 1_024 * 1_024 };

/** Stores packs in parallel while the workers fill others. */
export class PackUploads {
  readonly #files: Pick<RepositoryFiles, 'save'>;
  readonly #limits: UploadLimits;
  readonly #onStored: (pack: FinishedPack) => void;
  readonly #signal: AbortSignal;
  readonly #waiting: WaitingPack[] = [];
  #active = 0;
  #pendingBytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void)[] = [];

  /** `onStored` is called when a pack is durable. */
  constructor(
    files: Pick<RepositoryFiles, 'save'>,
    limits: UploadLimits,
    signal: AbortSignal,
    onStored: (pack: FinishedPack) => void,
  ) {
    this.#files = files;
    this.#limits = limits;
    this.#signal = signal;
    this.#onStored = onStored;
  }

  /** `onFree` gets the pack's memory when it is durable. */
  add(pack: FinishedPack, onFree?: (buffer: ArrayBuffer) => void): void {
    this.#pendingBytes += pack.bytes.length;
    this.#waiting.push({ pack, onFree });
    this.#startNext();
  }

  /** Resolves when there is room for more; rejects with the first failure. */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.#pendingBytes >= this.#limits.maxBytes) await this.#settled();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Resolves when everything is durable; rejects with the first failure, when nothing is on its way any longer. */
  async drain(): Promise<void> {
    while (this.#active > 0) await this.#settled();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #startNext(): void {
    while (this.#active < this.#limits.maxParallel && this.#failure === undefined) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      this.#active += 1;
      void this.#store(waiting);
    }
  }

  async #store({ pack, onFree }: WaitingPack): Promise<void> {
    const sizeBytes = pack.bytes.length;
    try {
      await this.#files.save('pack', pack.id, pack.bytes, { signal: this.#signal });
      this.#onStored(pack);
      onFree?.(pack.bytes.buffer);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#active -= 1;
    this.#pendingBytes -= sizeBytes;
    this.#startNext();
    for (const wake of this.#wake.splice(0)) wake();
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }
}

interface WaitingPack {
  readonly pack: FinishedPack;
  readonly onFree: ((buffer: ArrayBuffer) => void) | undefined;
}
