import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Notifications } from '../../database/notifications.service.js';
import { Statements } from '../../database/statements.js';
import { notFound } from '../../errors/request-errors.js';
import { uploadLocked } from '../file-errors.js';
import { TusRows } from './tus-rows.js';
import type { TusUpload } from './tus-upload.js';
import { UploadLock } from './upload-lock.js';

/** Payload: the lock that should yield. */
const CHANNEL = 'upload_lock_wanted';
const NOTIFY = { name: 'tus_want_lock', text: `SELECT pg_notify('${CHANNEL}', $1)` };

/** Longest wait for the holder: it may have a part on its way into the bucket. */
const WAIT_MS = 20_000;
const FIRST_LOOK_MS = 20;
const LOOK_EVERY_MS = 250;
/** A holder that was asked before it listened is asked again. */
const ASK_EVERY_MS = 1_000;
/** Longest time that the end of the process waits for requests to put away what they have. */
const STOP_MS = 8_000;

export interface LockedUpload {
  readonly upload: TusUpload;
  readonly lock: UploadLock;
}

/**
 * One writer at a time for each upload. A client that comes again is not kept waiting by its own connection of before,
 * which may be dead without our knowing: the holder, in whatever process, is told to put away what it has and to yield.
 */
@Injectable()
export class UploadLocks implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly held = new Map<string, UploadLock>();
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly rows: TusRows,
    private readonly statements: Statements,
    private readonly notifications: Notifications,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.stopListening = await this.notifications.listen(CHANNEL, (lockId) =>
      this.held.get(lockId)?.askToYield(),
    );
  }

  async onModuleDestroy(): Promise<void> {
    this.stopListening?.();
    for (const lock of this.held.values()) lock.askToYield();
    const deadlineMs = performance.now() + STOP_MS;
    while (this.held.size > 0 && performance.now() < deadlineMs) await pause(FIRST_LOOK_MS);
  }

  /**
   * Runs with the upload locked. The lock is released afterwards, also when `work` throws.
   * @param signal of the waiting client
   * @param otherwise answers for an upload that has ended
   * @throws RequestError `not_found`; FilesError `upload_locked` when the holder does not yield in time
   */
  async locked<T>(
    userId: number,
    id: string,
    signal: AbortSignal,
    work: (locked: LockedUpload) => Promise<T>,
    otherwise: (ended: TusUpload) => T,
  ): Promise<T> {
    const lock = new UploadLock(this.rows, id);
    const upload = await this.take(userId, lock, signal);
    if (upload.state === 'completed' || upload.state === 'aborted') return otherwise(upload);
    return this.holding(lock, upload, work);
  }

  /** As `locked`, if nobody holds the lock; otherwise nothing happens. */
  async lockedIfFree(
    userId: number,
    id: string,
    work: (locked: LockedUpload) => Promise<void>,
  ): Promise<void> {
    const lock = new UploadLock(this.rows, id);
    const upload = await lock.take(userId);
    if (upload !== undefined) await this.holding(lock, upload, work);
  }

  /** A new upload, locked from its first moment. */
  async lockedNew<T>(
    insert: (lockId: string) => Promise<TusUpload>,
    work: (locked: LockedUpload) => Promise<T>,
  ): Promise<T> {
    const lockId = randomUUID();
    const sinceMs = performance.now();
    const upload = await insert(lockId);
    const lock = new UploadLock(this.rows, upload.id, lockId);
    lock.hold(upload, sinceMs);
    return this.holding(lock, upload, work);
  }

  /** The upload when nobody writes it; a writer is asked to yield. */
  async idle(userId: number, id: string, signal: AbortSignal): Promise<TusUpload> {
    return this.waitUntil(signal, async () => {
      const found = await this.rows.find(userId, id);
      if (found === undefined) throw notFound('upload');
      return found.lockedBy === undefined ? found.upload : { heldBy: found.lockedBy };
    });
  }

  private take(userId: number, lock: UploadLock, signal: AbortSignal): Promise<TusUpload> {
    return this.waitUntil(signal, async () => {
      const taken = await lock.take(userId);
      if (taken !== undefined) return taken;
      const found = await this.rows.find(userId, lock.uploadId);
      if (found === undefined) throw notFound('upload');
      const { upload, lockedBy } = found;
      if (upload.state === 'completed' || upload.state === 'aborted') return upload;
      return { heldBy: lockedBy };
    });
  }

  private async waitUntil(
    signal: AbortSignal,
    look: () => Promise<TusUpload | { readonly heldBy: string | undefined }>,
  ): Promise<TusUpload> {
    const startedMs = performance.now();
    let askedMs = -Infinity;
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, LOOK_EVERY_MS)) {
      const seen = await look();
      if (!('heldBy' in seen)) return seen;
      const nowMs = performance.now();
      if (nowMs - startedMs > WAIT_MS) throw uploadLocked();
      if (nowMs - askedMs > ASK_EVERY_MS && seen.heldBy !== undefined) {
        askedMs = nowMs;
        await this.ask(seen.heldBy);
      }
      await pause(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  private async ask(lockId: string): Promise<void> {
    const ours = this.held.get(lockId);
    if (ours !== undefined) ours.askToYield();
    else await this.statements.query(NOTIFY, [lockId]);
  }

  private async holding<T>(
    lock: UploadLock,
    upload: TusUpload,
    work: (locked: LockedUpload) => Promise<T>,
  ): Promise<T> {
    this.held.set(lock.id, lock);
    try {
      return await work({ upload, lock });
    } finally {
      this.held.delete(lock.id);
      await lock.release();
    }
  }
}
