import type { DataSource, EntityManager } from 'typeorm';
import type { AuditLog } from '../../auth/audit-log.service.js';
import { DEFAULT_SYNC_SETTINGS } from '../../sync-settings/sync-settings.js';
import type { AgedFiles } from './plan-retention.js';

/** A file that retention would take. */
export interface AgedFile {
  readonly id: number;
  readonly filename: string;
  readonly folder: string;
  readonly sizeBytes: number;
  readonly uploadedAt: Date;
}

/** Uploaded before the cutoff, and not taken out of the trash since. */
const AGED = `user_id = $1 AND state = 'stored' AND NOT protected AND uploaded_at < ($2::timestamptz AT TIME ZONE 'UTC')
  AND (restored_at IS NULL OR restored_at < $2::timestamptz)`;

const COUNT = `SELECT count(*) FILTER (WHERE ${AGED}) AS files,
    coalesce(sum(file_size) FILTER (WHERE ${AGED}), 0) AS bytes, count(*) AS all_files
  FROM cloud_files WHERE user_id = $1 AND state = 'stored'`;

const BUCKETS = `SELECT DISTINCT cloud_config_id AS id FROM cloud_files WHERE ${AGED} ORDER BY id`;

const FIRST = `SELECT id, filename, folder, file_size, uploaded_at FROM cloud_files WHERE ${AGED}
  ORDER BY uploaded_at, id LIMIT $3`;

/** One that was protected or given another content meanwhile is not too old any more. */
const TRASH = `UPDATE cloud_files SET state = 'trashed', trashed_at = $5, trashed_by = 'retention'
  WHERE id IN (SELECT id FROM cloud_files WHERE ${AGED} AND cloud_config_id = ANY($3::integer[])
    ORDER BY uploaded_at, id LIMIT $4 FOR UPDATE SKIP LOCKED)
  RETURNING id`;

/** Users with files whose last run is a day old, went by another setting, or never was. */
const DUE = `WITH due AS (
    SELECT u.id, coalesce(s.retention_days, $2) AS days FROM users u
      LEFT JOIN sync_settings s ON s.user_id = u.id
      LEFT JOIN retention_states r ON r.user_id = u.id
    WHERE (r.user_id IS NULL OR r.next_run_at <= now() OR r.retention_days <> coalesce(s.retention_days, $2))
      AND EXISTS (SELECT FROM cloud_files f WHERE f.user_id = u.id AND f.state = 'stored')
    ORDER BY r.next_run_at NULLS FIRST LIMIT $1
  ) INSERT INTO retention_states AS r (user_id, retention_days, state, next_run_at)
    SELECT id, days, 'idle', now() + interval '1 day' FROM due
    ON CONFLICT (user_id) DO UPDATE SET retention_days = excluded.retention_days, next_run_at = excluded.next_run_at
    RETURNING user_id AS id`;

/** Rows of `cloud_files` as retention sees them. */
export class RetentionRows {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditLog,
  ) {}

  async count(userId: number, cutoffMs: number): Promise<AgedFiles> {
    const [row] = await this.database.query<{ files: string; bytes: string; all_files: string }[]>(COUNT, [
      userId,
      timeOf(cutoffMs),
    ]);
    const { files, bytes, all_files } = row!;
    return { files: Number(files), bytes: Number(bytes), allFiles: Number(all_files) };
  }

  /** The oldest. */
  async first(userId: number, cutoffMs: number, limit: number): Promise<AgedFile[]> {
    const rows = await this.database.query<AgedRecord[]>(FIRST, [userId, timeOf(cutoffMs), limit]);
    return rows.map((row) => ({
      id: row.id,
      filename: row.filename,
      folder: row.folder,
      sizeBytes: Number(row.file_size),
      uploadedAt: row.uploaded_at,
    }));
  }

  /** Configurations that hold such files. */
  async buckets(userId: number, cutoffMs: number): Promise<number[]> {
    const rows = await this.database.query<{ id: number }[]>(BUCKETS, [userId, timeOf(cutoffMs)]);
    return rows.map(({ id }) => id);
  }

  /** At most `limit`, of these buckets, in one transaction with the record of it. @returns how many */
  async trash(
    userId: number,
    cutoffMs: number,
    configIds: readonly number[],
    limit: number,
    atMs: number,
  ): Promise<number> {
    return this.database.transaction(async (manager) => {
      const values = [userId, timeOf(cutoffMs), configIds, limit, timeOf(atMs)];
      const [rows] = await manager.query<[{ id: number }[], number]>(TRASH, values);
      if (rows.length > 0) await this.record(manager, userId, cutoffMs, rows);
      return rows.length;
    });
  }

  /** Takes turns of a day. @returns users */
  async takeDue(limit: number): Promise<number[]> {
    const values = [limit, DEFAULT_SYNC_SETTINGS.retentionDays];
    const rows = await this.database.query<{ id: number }[]>(DUE, values);
    return rows.map(({ id }) => id);
  }

  private record(manager: EntityManager, userId: number, cutoffMs: number, rows: readonly { id: number }[]) {
    const details = { uploaded_before: timeOf(cutoffMs), file_ids: rows.map(({ id }) => id) };
    const action = 'files.trashed_by_retention';
    return this.audit.record({ userId, action, subject: `user:${userId}`, details }, manager);
  }
}

interface AgedRecord {
  readonly id: number;
  readonly filename: string;
  readonly folder: string;
  readonly file_size: string;
  readonly uploaded_at: Date;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
