import type { BigIntStats } from 'node:fs';

/** So long a file's length and times must stay as they are before it is taken. */
export const QUIET_MS = 1_000;
/** Files that wait for being quiet; the others are found by the next walk. */
export const MAX_WAITING = 20_000;

interface Look {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly sinceMs: number;
}

/** Files that somebody may still be writing. */
export class QuietFiles {
  private readonly looks = new Map<string, Look>();

  constructor(private readonly now: () => number) {}

  get waiting(): string[] {
    return [...this.looks.keys()];
  }

  forget(path: string): void {
    this.looks.delete(path);
  }

  /** @returns whether the file has been as it is for long enough; otherwise it waits, or has no place to */
  isQuiet(path: string, { size, mtimeNs }: Pick<BigIntStats, 'size' | 'mtimeNs'>): boolean {
    const now = this.now();
    // By the disk's clock, when that is not ahead of ours.
    const restedMs = now - Number(mtimeNs / 1_000_000n);
    const last = this.looks.get(path);
    const isSame = last?.size === size && last.mtimeNs === mtimeNs;
    if (restedMs >= 2 * QUIET_MS || (isSame && now - last.sinceMs >= QUIET_MS)) {
      this.looks.delete(path);
      return true;
    }
    if (!isSame && (last !== undefined || this.looks.size < MAX_WAITING)) {
      this.looks.set(path, { size, mtimeNs, sinceMs: now });
    }
    return false;
  }
}
