import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { Clock } from '../config/clock.js';
import { notFound } from '../errors/request-errors.js';
import { DEFAULT_SYNC_SETTINGS } from '../sync-settings/sync-settings.js';
import { FilePurge, type PurgeOptions, type PurgeOutcome } from './file-purge.service.js';
import { RestingBuckets } from './resting-buckets.js';

/** What `manager.query` answers for an UPDATE with RETURNING. */
type Changed = [rows: { readonly id: number }[], count: number];

const TRASH = `UPDATE cloud_files SET state = 'trashed', trashed_at = $3, trashed_by = $4
  WHERE user_id = $1 AND id = ANY ($2::integer[]) AND state = 'stored' AND NOT protected RETURNING id`;

const RESTORE = `UPDATE cloud_files SET state = 'stored', trashed_at = NULL, trashed_by = NULL, restored_at = $3
  WHERE user_id = $1 AND id = ANY ($2::integer[]) AND state = 'trashed' RETURNING id`;

/** Of all users, the longest waiting first; not in buckets that failed before in the same run. */
const DUE = `SELECT f.id FROM cloud_files f LEFT JOIN sync_settings s ON s.user_id = f.user_id
  WHERE f.state = 'trashed' AND NOT f.protected AND f.cloud_config_id <> ALL ($4::integer[])
    AND NOT EXISTS (SELECT FROM file_versions v WHERE v.file_id = f.id AND v.cloud_config_id = ANY ($4::integer[]))
    AND f.trashed_at <= $1::timestamptz - make_interval(days => coalesce(s.trash_days, $2::integer))
  ORDER BY f.trashed_at, f.id LIMIT $3`;

const PURGED_AT_ONCE = 500;

/** Files that were deleted and can be undeleted: no byte moves before they are purged. */
@Injectable()
export class FileTrash {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditLog,
    private readonly purging: FilePurge,
    private readonly clock: Clock,
  ) {}

  /** As `trashEach`. @returns how many files went into the trash */
  async trash(
    userId: number,
    ids: readonly number[],
    by: 'user' | 'retention',
    origin: AuditOrigin,
  ): Promise<number> {
    return (await this.trashEach(userId, ids, by, origin)).length;
  }

  /** Protected files and those of others stay as they are. @returns the ids of the files that went into the trash */
  async trashEach(
    userId: number,
    ids: readonly number[],
    by: 'user' | 'retention',
    origin: AuditOrigin,
  ): Promise<number[]> {
    return this.change('file.trashed', origin, TRASH, [userId, ids, this.nowText(), by]);
  }

  /** @throws RequestError `not_found` when it is not in the trash */
  async restore(userId: number, fileId: number, origin: AuditOrigin): Promise<void> {
    if ((await this.restoreEach(userId, [fileId], origin)).length === 0) throw notFound('file');
  }

  /** @returns the ids of the files that came out of the trash */
  restoreEach(userId: number, ids: readonly number[], origin: AuditOrigin): Promise<number[]> {
    return this.change('file.restored', origin, RESTORE, [userId, ids, this.nowText()]);
  }

  /** Deletes files in the trash for good; see FilePurge. */
  purge(ids: readonly number[], origin: AuditOrigin, options?: PurgeOptions): Promise<PurgeOutcome> {
    return this.purging.purge(ids, origin, options);
  }

  /**
   * Deletes files for good that have been in the trash for their user's `trash_days`. Those in a bucket that cannot be
   * asked, or that is locked, keep no others waiting.
   * @param most in this run, about
   * @returns how many are gone
   */
  async purgeDue(most: number, signal?: AbortSignal): Promise<number> {
    const now = this.nowText();
    const resting = new RestingBuckets();
    for (let gone = 0; ;) {
      signal?.throwIfAborted();
      const limit = Math.min(PURGED_AT_ONCE, most - gone);
      const values = [now, DEFAULT_SYNC_SETTINGS.trashDays, limit, resting.configIds];
      const due = await this.database.query<{ id: number }[]>(DUE, values);
      const restingBefore = resting.count;
      const ids = due.map(({ id }) => id);
      const { purged } = await this.purging.purge(ids, {}, { signal, resting });
      gone += purged;
      const isStuck = purged === 0 && resting.count === restingBefore;
      if (due.length < limit || gone >= most || isStuck) return gone;
    }
  }

  private nowText(): string {
    return new Date(this.clock.now()).toISOString();
  }

  /** Nothing changes without its record. */
  private change(action: string, origin: AuditOrigin, sql: string, values: unknown[]): Promise<number[]> {
    return this.database.transaction(async (manager) => {
      const [rows] = await manager.query<Changed>(sql, values);
      const ids = rows.map(({ id }) => id);
      const [only] = ids;
      if (only === undefined) return ids;
      const many = { subject: `user:${String(values[0])}`, details: { file_ids: ids } };
      const record = ids.length === 1 ? { subject: `file:${only}` } : many;
      await this.audit.record({ ...origin, action, ...record }, manager);
      return ids;
    });
  }
}
