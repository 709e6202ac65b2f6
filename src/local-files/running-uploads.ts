import type { BucketPauses } from './bucket-pauses.js';
import type { Claim, Claims } from './claims.js';
import { RENEW_EVERY_MS } from './claims.js';
import type { UploadLocalFile, UploadOutcome } from './upload-local-file.js';

/** Files that one process uploads at the same time. */
export const UPLOADS_AT_ONCE = 8;
/** And of one user: a slow bucket does not hold up the others. */
export const UPLOADS_AT_ONCE_PER_USER = 4;
/** After the database did not take an outcome. */
const DATABASE_PAUSE_MS = 2_000;
/** A look for due files that took so long and found none is followed by a rest, so many times as long. */
const LONG_LOOK_MS = 100;
const REST_TIMES = 20;

export interface RunningUploadsOptions {
  readonly claims: Claims;
  readonly pauses: BucketPauses;
  readonly upload: Pick<UploadLocalFile, 'run'>;
  readonly now: () => number;
  /** Hears how each ended. */
  readonly count: (outcome: UploadOutcome) => void;
  /** Hears of what nobody but the operator can mend. */
  readonly onError: (error: unknown) => void;
}

interface Running {
  readonly claim: Claim;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  bytesDone: number;
}

/** Uploads due files, a bounded number at a time, and keeps their leases alive. */
export class RunningUploads {
  private readonly running = new Map<string, Running>();
  private readonly renewing: NodeJS.Timeout;
  private filling: Promise<void> | undefined;
  private wanted = false;
  private stopped = false;
  private restUntilMs = 0;

  constructor(private readonly options: RunningUploadsOptions) {
    this.renewing = setInterval(() => void this.renew(), RENEW_EVERY_MS);
    this.renewing.unref();
  }

  /** Takes files until none is due or all slots are taken. Cheap when there is nothing to do; never rejects. */
  fill(): Promise<void> {
    this.wanted = true;
    this.filling ??= this.fillNow().finally(() => (this.filling = undefined));
    return this.filling;
  }

  /** No file is begun any more; those under way are given back. Resolves when none is held. */
  async stop(reason: Error): Promise<void> {
    this.stopped = true;
    clearInterval(this.renewing);
    await this.filling;
    for (const { abort } of this.running.values()) abort.abort(reason);
    await Promise.all([...this.running.values()].map(({ done }) => done));
  }

  private async fillNow(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      try {
        while (this.mayTake()) {
          const claim = await this.take();
          if (claim === undefined) break;
          this.start(claim);
        }
      } catch (error) {
        this.rest(error);
      }
    }
  }

  private mayTake(): boolean {
    return !this.stopped && this.running.size < UPLOADS_AT_ONCE && this.options.now() >= this.restUntilMs;
  }

  /** Looking past many files of users who pause takes a while: it is not done all the time. */
  private async take(): Promise<Claim | undefined> {
    const { claims, now } = this.options;
    const startedMs = now();
    const claim = await claims.take(this.exceptUsers());
    const tookMs = now() - startedMs;
    if (claim === undefined && tookMs > LONG_LOOK_MS) this.restUntilMs = now() + REST_TIMES * tookMs;
    return claim;
  }

  private exceptUsers(): number[] {
    const { pauses } = this.options;
    const counts = new Map<number, number>();
    for (const { claim } of this.running.values()) {
      counts.set(claim.userId, (counts.get(claim.userId) ?? 0) + 1);
    }
    const busy = [...counts].filter(
      ([userId, count]) => count >= (pauses.isOnProbation(userId) ? 1 : UPLOADS_AT_ONCE_PER_USER),
    );
    return [...pauses.pausedUsers(), ...busy.map(([userId]) => userId)];
  }

  private start(claim: Claim): void {
    const abort = new AbortController();
    const done = this.run(claim, abort.signal).finally(() => {
      this.running.delete(claim.leaseId);
      void this.fill();
    });
    this.running.set(claim.leaseId, { claim, abort, done, bytesDone: 0 });
  }

  private async run(claim: Claim, signal: AbortSignal): Promise<void> {
    const { upload, claims, count } = this.options;
    const progress = (bytes: number) => {
      const mine = this.running.get(claim.leaseId);
      if (mine !== undefined) mine.bytesDone = bytes;
    };
    try {
      const outcome = await upload.run(claim, signal, progress);
      await this.heed(claim, outcome);
      count(outcome);
    } catch (error) {
      if (!signal.aborted) this.rest(error);
      // What cannot be given back now is taken over when its lease has run out.
      await claims.release(claim).catch(() => undefined);
    }
  }

  private async heed({ userId }: Claim, outcome: UploadOutcome): Promise<void> {
    const { pauses, claims } = this.options;
    if (outcome === 'bucket_failed') pauses.failed(userId);
    if (outcome !== 'uploaded' || !pauses.isOnProbation(userId)) return;
    pauses.worked(userId);
    await claims.hasten(userId);
  }

  private rest(error: unknown): void {
    this.restUntilMs = this.options.now() + DATABASE_PAUSE_MS;
    this.options.onError(error);
  }

  private async renew(): Promise<void> {
    const mine = [...this.running.values()];
    if (mine.length === 0) return;
    const leases = mine.map(({ claim, bytesDone }) => ({ leaseId: claim.leaseId, bytesDone }));
    try {
      const held = await this.options.claims.renew(leases);
      for (const { claim, abort } of mine) {
        if (!held.has(claim.leaseId))
          abort.abort(new Error('The file is uploaded elsewhere, or not wanted.'));
      }
    } catch (error) {
      this.options.onError(error);
    }
  }
}
