import { Injectable } from '@nestjs/common';
import { MISSED, Notifications } from '../../database/notifications.service.js';
import { RESTORE_CHANGES_CHANNEL } from '../../repositories/restore-changes.js';

/** Lets event streams wait for changes of restores, whichever replica they were told to. */
@Injectable()
export class RestoreChanges {
  private readonly waiting = new Map<string, Set<() => void>>();
  private listening: Promise<unknown> | undefined;

  constructor(private readonly notifications: Notifications) {}

  /** From the moment this resolves, `wake` is called whenever the restore may have changed; answers how to stop. */
  async watch(restoreId: string, wake: () => void): Promise<() => void> {
    await this.listen();
    const wakers = this.waiting.get(restoreId) ?? new Set();
    this.waiting.set(restoreId, wakers.add(wake));
    return () => {
      wakers.delete(wake);
      if (wakers.size === 0 && this.waiting.get(restoreId) === wakers) this.waiting.delete(restoreId);
    };
  }

  /** Once in a process; tried again by the next one who watches when it fails. */
  private listen(): Promise<unknown> {
    this.listening ??= this.notifications
      .listen(RESTORE_CHANGES_CHANNEL, (restoreId) => this.told(restoreId))
      .catch((error: unknown) => {
        this.listening = undefined;
        throw error;
      });
    return this.listening;
  }

  private told(restoreId: string): void {
    const woken = restoreId === MISSED ? [...this.waiting.values()] : [this.waiting.get(restoreId) ?? []];
    for (const wakers of woken) for (const wake of [...wakers]) wake();
  }
}
