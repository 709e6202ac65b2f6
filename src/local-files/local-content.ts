import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { changing } from './local-files-error.js';
import type { OpenedLocalFile } from './open-local-file.js';

const PIECE_BYTES = 128 * 1024;
/** Two writes within one tick of the file system's clock (10 ms with 100 ticks a second) leave the same times. */
const CLOCK_TICK_MS = 50;

/**
 * The content of an open local file, as it was when it was opened: if it changes meanwhile, `assertUnchanged` refuses
 * it, so that no mixture of two contents is ever stored.
 */
export class LocalContent {
  private position = 0;

  private constructor(
    private readonly handle: FileHandle,
    readonly stats: BigIntStats,
  ) {}

  /** @param now milliseconds since the epoch */
  static async of({ handle }: OpenedLocalFile, now: () => number): Promise<LocalContent> {
    let stats = await handle.stat({ bigint: true });
    const sinceMs = now() - Number(stats.ctimeNs / 1_000_000n);
    if (Math.abs(sinceMs) < CLOCK_TICK_MS) {
      await pause(CLOCK_TICK_MS);
      stats = await handle.stat({ bigint: true });
    }
    return new LocalContent(handle, stats);
  }

  get sizeBytes(): number {
    return Number(this.stats.size);
  }

  get stamp(): string {
    return stampOf(this.stats);
  }

  /** Bytes that were read so far. */
  get bytesRead(): number {
    return this.position;
  }

  /** The next piece; null at the end, or once as many bytes were read as there were when it was opened. */
  async read(): Promise<Buffer | null> {
    const length = Math.min(PIECE_BYTES, this.sizeBytes - this.position);
    if (length === 0) return null;
    // Not from the pool: a piece of it would keep the whole of it.
    const { bytesRead, buffer } = await this.handle.read(
      Buffer.allocUnsafeSlow(length),
      0,
      length,
      this.position,
    );
    this.position += bytesRead;
    return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
  }

  /** @throws LocalFilesError `local_file_changing` */
  async assertUnchanged(): Promise<void> {
    const { size, mtimeNs, ctimeNs } = await this.handle.stat({ bigint: true });
    const { stats } = this;
    const same = size === stats.size && mtimeNs === stats.mtimeNs && ctimeNs === stats.ctimeNs;
    if (!same || this.position !== this.sizeBytes) throw changing();
  }

  /** SHA-256 of the whole, 64 hex digits; then it is at its begin again. @throws LocalFilesError `local_file_changing` */
  async checksum(signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    for (let piece = await this.read(); piece !== null; piece = await this.read()) {
      signal.throwIfAborted();
      hash.update(piece);
    }
    await this.assertUnchanged();
    this.position = 0;
    return hash.digest('hex');
  }
}

/** Another one: most likely another content. The same: the same content, but for what is written within one tick. */
export function stampOf({ size, mtimeNs, ino }: Pick<BigIntStats, 'size' | 'mtimeNs' | 'ino'>): string {
  return `${size}:${mtimeNs}:${ino}`;
}
