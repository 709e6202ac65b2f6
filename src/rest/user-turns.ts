interface Queue {
  running: number;
  readonly waiting: Set<() => void>;
}

/** Bounds how much work of one kind each user has running and waiting at the same time in this process. */
export class UserTurns {
  private readonly queues = new Map<number, Queue>();

  constructor(
    private readonly runningPerUser: number,
    private readonly waitingPerUser: number,
    /** What is thrown when the line is full. */
    private readonly refusal: () => Error,
  ) {}

  /** @throws the refusal, the signal's reason, and what `work` throws */
  async run<T>(userId: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (!this.tryEnter(userId)) await this.enter(userId, signal);
    try {
      return await work();
    } finally {
      this.leave(userId);
    }
  }

  /** Enters at once when a slot is free. `leave` when done. */
  tryEnter(userId: number): boolean {
    const queue = this.queueOf(userId);
    if (queue.running >= this.runningPerUser) return false;
    queue.running++;
    return true;
  }

  /**
   * Enters, waiting in line if need be. `leave` when done.
   * @throws the refusal when the line is full; the signal's reason
   */
  async enter(userId: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.tryEnter(userId)) return;
    const { waiting } = this.queueOf(userId);
    if (waiting.size >= this.waitingPerUser) throw this.refusal();
    await new Promise<void>((resolve, reject) => {
      const cancel = () => {
        waiting.delete(start);
        reject(signal?.reason as Error);
      };
      const start = () => {
        signal?.removeEventListener('abort', cancel);
        resolve();
      };
      signal?.addEventListener('abort', cancel, { once: true });
      waiting.add(start);
    });
  }

  /** Hands the slot to the next in line. */
  leave(userId: number): void {
    const queue = this.queueOf(userId);
    const next = queue.waiting.values().next().value;
    if (next !== undefined) {
      queue.waiting.delete(next);
      next();
      return;
    }
    queue.running--;
    if (queue.running === 0) this.queues.delete(userId);
  }

  private queueOf(userId: number): Queue {
    let queue = this.queues.get(userId);
    if (queue === undefined) {
      queue = { running: 0, waiting: new Set() };
      this.queues.set(userId, queue);
    }
    return queue;
  }
}
