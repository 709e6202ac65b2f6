interface Waiter {
  readonly owner: number;
  readonly bytes: number;
  start(): void;
}

/**
 * Memory that all uploads of this process share. Whoever asks for more than is left waits for its turn; an owner at
 * its own limit does not hold up the others.
 */
export class ByteBudget {
  private freeBytes: number;
  private readonly takenBytes = new Map<number, number>();
  private readonly waiters = new Set<Waiter>();

  constructor(
    private readonly totalBytes: number,
    private readonly bytesPerOwner: number = totalBytes,
  ) {
    this.freeBytes = totalBytes;
  }

  /** Takes the bytes at once, if they are there and nobody waits for them. */
  tryTake(owner: number, bytes: number): boolean {
    if (this.waiters.size > 0 || !this.fits(owner, bytes)) return false;
    this.grant(owner, bytes);
    return true;
  }

  /**
   * Takes the bytes, waiting for them if need be. `give` them back when done.
   * @throws the signal's reason
   */
  async take(owner: number, bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes > Math.min(this.totalBytes, this.bytesPerOwner))
      throw new RangeError('More than the whole budget.');
    signal.throwIfAborted();
    if (this.tryTake(owner, bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const cancel = () => {
        this.waiters.delete(waiter);
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        owner,
        bytes,
        start: () => {
          signal.removeEventListener('abort', cancel);
          resolve();
        },
      };
      signal.addEventListener('abort', cancel, { once: true });
      this.waiters.add(waiter);
      // Those before may wait for their own limit only.
      this.startWaiters();
    });
  }

  give(owner: number, bytes: number): void {
    this.freeBytes += bytes;
    const left = (this.takenBytes.get(owner) ?? 0) - bytes;
    if (left > 0) this.takenBytes.set(owner, left);
    else this.takenBytes.delete(owner);
    this.startWaiters();
  }

  private startWaiters(): void {
    for (const waiter of this.waiters) {
      if (waiter.bytes > this.freeBytes) return;
      if (!this.fits(waiter.owner, waiter.bytes)) continue;
      this.waiters.delete(waiter);
      this.grant(waiter.owner, waiter.bytes);
      waiter.start();
    }
  }

  private fits(owner: number, bytes: number): boolean {
    return bytes <= this.freeBytes && (this.takenBytes.get(owner) ?? 0) + bytes <= this.bytesPerOwner;
  }

  private grant(owner: number, bytes: number): void {
    this.freeBytes -= bytes;
    this.takenBytes.set(owner, (this.takenBytes.get(owner) ?? 0) + bytes);
  }
}
