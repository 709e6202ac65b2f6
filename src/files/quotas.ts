import { LRUCache } from 'lru-cache';
import type { Statements } from '../database/statements.js';
import { quotaExceeded } from './file-errors.js';

const QUOTA = {
  name: 'files_quota',
  text: 'SELECT quota_bytes FROM users WHERE id = $1',
};

/** Everything that the user's buckets hold for files: what is shown, in the trash, and kept as a version. */
const USED = {
  name: 'files_quota_used',
  text: `SELECT (
      (SELECT coalesce(sum(file_size), 0) FROM cloud_files WHERE user_id = $1 AND state = 'stored')
      + (SELECT coalesce(sum(file_size), 0) FROM cloud_files WHERE user_id = $1 AND state = 'trashed')
      + (SELECT coalesce(sum(file_size), 0) FROM file_versions WHERE user_id = $1 AND state = 'kept')
    )::text AS used_bytes`,
};

const CACHED_USERS = 10_000;
/** Uploads may go by a quota that is this old. */
const QUOTA_MS = 1_000;
/** Uploads may go by a count that is this old, */
const COUNT_MS = 1_000;
/** or as many times as old as counting took: a user with a million files is not counted all the time. */
const COUNT_TIMES = 20;

interface Count {
  readonly usedBytes: number;
  readonly usableUntilMs: number;
}

/**
 * How much each user may store. Soft by some seconds: what is uploaded at the same time is admitted together. Nothing is
 * counted for users without a quota.
 */
export class Quotas {
  private readonly quotas: LRUCache<number, { readonly bytes: number | null }>;
  private readonly counts: LRUCache<number, Count>;
  private readonly counting = new Map<number, Promise<Count>>();

  /** @param now monotonic milliseconds */
  constructor(
    private readonly statements: Statements,
    private readonly now: () => number = () => performance.now(),
  ) {
    const perf = { now };
    this.quotas = new LRUCache({ max: CACHED_USERS, ttl: QUOTA_MS, perf, ttlResolution: 0 });
    this.counts = new LRUCache({ max: CACHED_USERS });
  }

  /**
   * Whether so much more may be stored. Answers without a promise when it is known that the user has no quota.
   * @param sizeBytes undefined for content whose length is not known yet: any room is enough then
   * @throws FilesError `quota_exceeded`
   */
  assertRoom(userId: number, sizeBytes: number | undefined): void | Promise<void> {
    const quota = this.quotas.get(userId);
    if (quota?.bytes === null) return;
    return this.assertFits(userId, sizeBytes ?? 1, quota?.bytes);
  }

  /** The user's quota, null without one, and what the files take; as it is in the database now. */
  async read(userId: number): Promise<{ readonly quotaBytes: number | null; readonly usedBytes: number }> {
    const [quotaBytes, { usedBytes }] = await Promise.all([this.load(userId), this.count(userId)]);
    return { quotaBytes, usedBytes };
  }

  private async assertFits(userId: number, sizeBytes: number, known: number | undefined): Promise<void> {
    const quotaBytes = known ?? (await this.load(userId));
    if (quotaBytes === null) return;
    const counted = this.counts.get(userId);
    const isUsable = counted !== undefined && this.now() < counted.usableUntilMs;
    if (isUsable && counted.usedBytes + sizeBytes <= quotaBytes) return;
    // Nobody is refused for files that are deleted already.
    const { usedBytes } = await this.count(userId);
    if (usedBytes + sizeBytes > quotaBytes) throw quotaExceeded(quotaBytes, usedBytes);
  }

  private async load(userId: number): Promise<number | null> {
    const [row] = await this.statements.query<{ quota_bytes: string | null }>(QUOTA, [userId]);
    const bytes = row?.quota_bytes == null ? null : Number(row.quota_bytes);
    this.quotas.set(userId, { bytes });
    return bytes;
  }

  /** One count of a user at a time: who comes while one runs gets its outcome. */
  private count(userId: number): Promise<Count> {
    const running = this.counting.get(userId);
    if (running !== undefined) return running;
    const counting = this.countNow(userId).finally(() => this.counting.delete(userId));
    this.counting.set(userId, counting);
    return counting;
  }

  private async countNow(userId: number): Promise<Count> {
    const startedMs = this.now();
    const [row] = await this.statements.query<{ used_bytes: string }>(USED, [userId]);
    const endedMs = this.now();
    const usableUntilMs = endedMs + Math.max(COUNT_MS, COUNT_TIMES * (endedMs - startedMs));
    const count = { usedBytes: Number(row!.used_bytes), usableUntilMs };
    this.counts.set(userId, count);
    return count;
  }
}
