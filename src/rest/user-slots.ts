/** Long answers of one process, so many for each user at the same time. */
export class UserSlots {
  private readonly taken = new Map<number, number>();

  /** @param refusal what one more is refused with, by how many are under way */
  constructor(
    private readonly perUser: number,
    private readonly refusal: (count: number) => Error,
  ) {}

  /** @returns how to give the slot back; only the first call counts. @throws the refusal */
  take(userId: number): () => void {
    const count = this.taken.get(userId) ?? 0;
    if (count >= this.perUser) throw this.refusal(count);
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
