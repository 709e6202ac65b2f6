import { ByteBudget } from './byte-budget.js';
import { MIN_PART_BYTES, PART_BUFFERS_BYTES, PART_BUFFERS_BYTES_PER_USER } from './upload-limits.js';

/** How long buffers that nobody uses are kept for the next upload. */
const KEEP_IDLE_MS = 30_000;

/**
 * Buffers in which parts of unknown-length and of resumable uploads are gathered: one an upload, all of them within one budget.
 * Buffers of the usual size are used again, so that the process does not grow by garbage that nobody collected yet.
 */
export class PartBuffers {
  private readonly budget: ByteBudget;
  private idle: Buffer[] = [];
  private trimming: NodeJS.Timeout | undefined;

  constructor(totalBytes = PART_BUFFERS_BYTES, bytesPerOwner = PART_BUFFERS_BYTES_PER_USER) {
    this.budget = new ByteBudget(totalBytes, bytesPerOwner);
  }

  /**
   * Waits until there is room for it. Return it with `giveBack`.
   * @throws the signal's reason
   */
  async borrow(owner: number, sizeBytes: number, signal: AbortSignal): Promise<Buffer> {
    await this.budget.take(owner, sizeBytes, signal);
    if (sizeBytes === MIN_PART_BYTES) return this.idle.pop() ?? Buffer.allocUnsafeSlow(sizeBytes);
    // The budget counts buffers in use; idle ones make room for an unusual size.
    this.idle = [];
    return Buffer.allocUnsafeSlow(sizeBytes);
  }

  giveBack(owner: number, buffer: Buffer): void {
    if (buffer.length === MIN_PART_BYTES) this.idle.push(buffer);
    this.budget.give(owner, buffer.length);
    clearTimeout(this.trimming);
    this.trimming = setTimeout(() => (this.idle = []), KEEP_IDLE_MS).unref();
  }
}
