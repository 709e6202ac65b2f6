import type { FinishedPack } from '../pack/pack-writer.js';
import type { ArchiveTarget } from './archive-target.js';

/** What a crash may cost: packs that no index lists must be stored again. */
export interface UnlistedLimits {
  readonly maxBlobs: number;
  readonly maxBytes: number;
}

export const DEFAULT_UNLISTED_LIMITS: UnlistedLimits = { maxBlobs: 50_000, maxBytes: 8 * 1_024 ** 3 };

/** Lists packs in index files while a long run goes on, and all that are left at its end. */
export class IndexSaves {
  readonly #target: Pick<ArchiveTarget, 'index' | 'saveIndex'>;
  readonly #signal: AbortSignal;
  readonly #limits: UnlistedLimits;
  #blobs = 0;
  #bytes = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    target: Pick<ArchiveTarget, 'index' | 'saveIndex'>,
    signal: AbortSignal,
    limits: UnlistedLimits = DEFAULT_UNLISTED_LIMITS,
  ) {
    this.#target = target;
    this.#signal = signal;
    this.#limits = limits;
  }

  /** The pack is durable, and the index knows it. */
  count({ blobs, bytes }: FinishedPack): void {
    this.#blobs += blobs.length;
    this.#bytes += bytes.length;
    if (this.#blobs < this.#limits.maxBlobs && this.#bytes < this.#limits.maxBytes) return;
    [this.#blobs, this.#bytes] = [0, 0];
    this.#saving = this.#saving.then(() => this.#target.saveIndex({ signal: this.#signal }));
    // Whoever waits for the end hears of it.
    this.#saving.catch(() => undefined);
  }

  /** Resolves when every pack is listed; rejects with the first failure. */
  async finish(): Promise<void> {
    await this.#saving;
    if (this.#target.index.unsavedPacks().length > 0) await this.#target.saveIndex({ signal: this.#signal });
  }

  /** Resolves when nothing is on its way any longer, well or badly. */
  async settle(): Promise<void> {
    await this.#saving.catch(() => undefined);
  }
}
