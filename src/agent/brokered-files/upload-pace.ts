import { setTimeout as sleep } from 'node:timers/promises';

/** So much may go at once after a pause: a token bucket of this many milliseconds. */
const BURST_MS = 250;

/** Spreads bytes over time, over all uploads of a workspace together. The limit may change while they run. */
export class UploadPace {
  /** Bytes per second; `null`: as fast as it goes. */
  bytesPerSecond: number | null;
  #freeAtMs = 0;

  constructor(bytesPerSecond: number | null) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when these bytes may go; rejects with the signal's reason. */
  async take(sizeBytes: number, signal?: AbortSignal): Promise<void> {
    const limit = this.bytesPerSecond;
    if (limit === null) return;
    const nowMs = performance.now();
    const startMs = Math.max(nowMs - BURST_MS, this.#freeAtMs);
    this.#freeAtMs = startMs + (sizeBytes / limit) * 1_000;
    const waitMs = this.#freeAtMs - nowMs;
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal });
  }
}
