import { SnapshotsError } from './snapshots-error.js';

/** Long answers of one process, so many for each user at the same time. */
export class UserSlots {
  private readonly taken = new Map<number, number>();

  constructor(
    private readonly perUser: number,
    /** Several of them, for the sentence. */
    private readonly what: string,
  ) {}

  /** @returns how to give the slot back; only the first call counts. @throws SnapshotsError `too_many_streams` */
  take(userId: number): () => void {
    const count = this.taken.get(userId) ?? 0;
    if (count >= this.perUser) {
      throw new SnapshotsError(
        'too_many_streams',
        `You have ${count} ${this.what} under way, the most that this server gives one user. Wait for one to end.`,
        { retryable: true, retryAfterMs: 5_000 },
      );
    }
    this.taken.set(userId, count + 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.giveBack(userId);
      isTaken = false;
    };
  }

  private giveBack(userId: number): void {
    const left = (this.taken.get(userId) ?? 1) - 1;
    if (left === 0) this.taken.delete(userId);
    else this.taken.set(userId, left);
  }
}
