import { tooManyUploads } from './file-errors.js';

interface Queue {
  running: number;
  readonly waiting: Set<() => void>;
}

/** Bounds how many uploads of one user run and wait at the same time in this process. */
export class UploadSlots {
  private readonly queues = new Map<number, Queue>();

  constructor(
    private readonly runningPerUser: number,
    private readonly waitingPerUser: number,
  ) {}

  /** Enters at once when a slot is free. `leave` when done. */
  tryEnter(userId: number): boolean {
    const queue = this.queueOf(userId);
    if (queue.running >= this.runningPerUser) return false;
    queue.running++;
    return true;
  }

  /**
   * Enters, waiting in line if need be. `leave` when done.
   * @throws FilesError `too_many_uploads` when the line is full; the signal's reason
   */
  async enter(userId: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.tryEnter(userId)) return;
    const { waiting } = this.queueOf(userId);
    if (waiting.size >= this.waitingPerUser) throw tooManyUploads();
    await new Promise<void>((resolve, reject) => {
      const cancel = () => {
        waiting.delete(start);
        reject(signal.reason as Error);
      };
      const start = () => {
        signal.removeEventListener('abort', cancel);
        resolve();
      };
      signal.addEventListener('abort', cancel, { once: true });
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
