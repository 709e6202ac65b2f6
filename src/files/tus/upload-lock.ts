import { randomUUID } from 'node:crypto';
import { uploadLocked } from '../file-errors.js';
import type { TusRows } from './tus-rows.js';
import type { TusUpload } from './tus-upload.js';

/** A lock that nobody renews is over after so long. */
export const LOCK_SECONDS = 15;
const RENEW_EVERY_MS = 4_000;
/** When renewing has failed for so long, the holder stops by itself, before others may begin. */
const TRUSTED_MS = 10_000;

/**
 * One request's right to change one upload, held in the upload's row, so that it counts for all replicas. It is renewed
 * until it is released.
 */
export class UploadLock {
  private readonly ending = new AbortController();
  private onYield: ((reason: Error) => void) | undefined;
  private isAsked = false;
  private renewedAtMs = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private freePart = 1;

  constructor(
    private readonly rows: TusRows,
    readonly uploadId: string,
    readonly id: string = randomUUID(),
  ) {}

  /** Aborts when the lock is lost: from then on others may write. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** Undefined when someone else holds the lock. */
  async take(userId: number): Promise<TusUpload | undefined> {
    const askedAtMs = performance.now();
    const upload = await this.rows.lock(userId, this.uploadId, this.id);
    if (upload !== undefined) this.hold(upload, askedAtMs);
    return upload;
  }

  /** It was taken by whoever made the row. */
  hold({ progress }: TusUpload, sinceMs: number): void {
    this.freePart = progress.nextPart;
    this.renewedAtMs = sinceMs;
    this.timer = setInterval(() => void this.renew(), RENEW_EVERY_MS).unref();
  }

  /** What to do when a newer request wants the upload; at once when one does already. */
  whenAsked(stop: ((reason: Error) => void) | undefined): void {
    this.onYield = stop;
    if (this.isAsked) stop?.(uploadLocked());
  }

  /** A newer request wants the upload. */
  askToYield(): void {
    this.isAsked = true;
    this.onYield?.(uploadLocked());
  }

  /** @throws FilesError `upload_locked` when `held` says that the row has another lock by now */
  assertHeld(held: boolean): void {
    if (!held) this.ending.abort(uploadLocked());
    this.ending.signal.throwIfAborted();
  }

  /** The lowest part number that was never used. */
  get nextPart(): number {
    return this.freePart;
  }

  /** For one attempt at one part. */
  takePartNumber(): number {
    return this.freePart++;
  }

  /** Never rejects: a lock that cannot be released ends by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.rows.release(this.uploadId, this.id, this.freePart).catch(() => undefined);
  }

  private async renew(): Promise<void> {
    const askedAtMs = performance.now();
    try {
      if (await this.rows.renew(this.uploadId, this.id)) this.renewedAtMs = askedAtMs;
      else this.ending.abort(uploadLocked());
    } catch {
      if (performance.now() - this.renewedAtMs > TRUSTED_MS) this.ending.abort(uploadLocked());
    }
  }
}
