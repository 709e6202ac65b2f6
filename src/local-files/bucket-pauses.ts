const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 300_000;

interface Outage {
  readonly failures: number;
  readonly untilMs: number;
}

/**
 * Buckets that do not work right now: instead of failing all of a user's files, uploads pause, longer each time, and go on
 * with one file that tries whether the bucket works again.
 */
export class BucketPauses {
  private readonly outages = new Map<number, Outage>();

  /** @param random in [0, 1), so that servers do not come back all at once */
  constructor(
    private readonly now: () => number,
    private readonly random: () => number,
  ) {}

  failed(userId: number): void {
    const failures = (this.outages.get(userId)?.failures ?? 0) + 1;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
    this.outages.set(userId, { failures, untilMs: this.now() + pauseMs * (0.5 + this.random() / 2) });
  }

  /** Or somebody says that it does by now. */
  worked(userId: number): void {
    this.outages.delete(userId);
  }

  /** Whose bucket is not to be touched now. */
  pausedUsers(): number[] {
    const now = this.now();
    return [...this.outages].filter(([, { untilMs }]) => untilMs > now).map(([userId]) => userId);
  }

  /** Whether one file at a time is enough, because nobody knows whether the bucket works again. */
  isOnProbation(userId: number): boolean {
    return this.outages.has(userId);
  }
}
