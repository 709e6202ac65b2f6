import { LRUCache } from 'lru-cache';
import type { Statements } from '../database/statements.js';
import { DEFAULT_SYNC_SETTINGS, type SyncSettingsChange, type SyncSettingsValues } from './sync-settings.js';

const COLUMNS = `auto_upload, sync_on_create, retention_days, max_file_size, trash_days, keep_versions, version`;

const READ = {
  name: 'sync_settings_read',
  text: `SELECT ${COLUMNS} FROM sync_settings WHERE user_id = $1`,
};

/** Takes the given values, keeps the others. A version that was not expected changes nothing and returns no row. */
const CHANGE = {
  name: 'sync_settings_change',
  text: `INSERT INTO sync_settings AS saved (user_id, ${COLUMNS})
    SELECT $1, coalesce($2::boolean, $6::boolean), coalesce($3::boolean, $7::boolean),
        coalesce($4::integer, $8::integer), coalesce($5::bigint, $9::bigint), coalesce($11::integer, $13::integer),
        coalesce($12::integer, $14::integer), 1
      WHERE $10::integer IS NULL OR $10 = 0 OR EXISTS (SELECT FROM sync_settings WHERE user_id = $1)
    ON CONFLICT (user_id) DO UPDATE SET
      auto_upload = coalesce($2, saved.auto_upload, $6), sync_on_create = coalesce($3, saved.sync_on_create, $7),
      retention_days = coalesce($4, saved.retention_days, $8), max_file_size = coalesce($5, saved.max_file_size, $9),
      trash_days = coalesce($11, saved.trash_days), keep_versions = coalesce($12, saved.keep_versions),
      version = saved.version + 1
    WHERE $10 IS NULL OR saved.version = $10
    RETURNING ${COLUMNS}`,
};

interface Row {
  readonly auto_upload: boolean | null;
  readonly sync_on_create: boolean | null;
  readonly retention_days: number | null;
  readonly max_file_size: string | null;
  readonly trash_days: number;
  readonly keep_versions: number;
  readonly version: number;
}

/** Uploads may go by settings that are this old. */
const CACHED_MS = 1_000;
const CACHED_USERS = 10_000;

/** The table `sync_settings`. A user without a row has the defaults. */
export class SyncSettingsStore {
  private readonly maxFileSizes: LRUCache<number, number>;

  constructor(
    private readonly statements: Statements,
    now: () => number,
  ) {
    this.maxFileSizes = new LRUCache({ max: CACHED_USERS, ttl: CACHED_MS, perf: { now }, ttlResolution: 0 });
  }

  async read(userId: number): Promise<SyncSettingsValues> {
    const [row] = await this.statements.query<Row>(READ, [userId]);
    return row === undefined ? DEFAULT_SYNC_SETTINGS : valuesOf(row);
  }

  /**
   * @param expectedVersion the state that the change was made from; undefined takes any
   * @returns undefined when the settings are in another state
   */
  async change(
    userId: number,
    change: SyncSettingsChange,
    expectedVersion: number | undefined,
  ): Promise<SyncSettingsValues | undefined> {
    const { autoUpload, syncOnCreate, retentionDays, maxFileSize, trashDays, keepVersions } = change;
    const defaults = DEFAULT_SYNC_SETTINGS;
    const [row] = await this.statements.query<Row>(CHANGE, [
      userId,
      autoUpload ?? null,
      syncOnCreate ?? null,
      retentionDays ?? null,
      maxFileSize ?? null,
      defaults.autoUpload,
      defaults.syncOnCreate,
      defaults.retentionDays,
      defaults.maxFileSize,
      expectedVersion ?? null,
      trashDays ?? null,
      keepVersions ?? null,
      defaults.trashDays,
      defaults.keepVersions,
    ]);
    this.maxFileSizes.delete(userId);
    return row && valuesOf(row);
  }

  /** The user's `max_file_size` in bytes, at most a second old; without a promise while it is known. */
  maxFileSize(userId: number): number | Promise<number> {
    return this.maxFileSizes.get(userId) ?? this.loadMaxFileSize(userId);
  }

  private async loadMaxFileSize(userId: number): Promise<number> {
    const { maxFileSize } = await this.read(userId);
    this.maxFileSizes.set(userId, maxFileSize);
    return maxFileSize;
  }
}

/** The seed's columns may be null; that means the default. */
function valuesOf(row: Row): SyncSettingsValues {
  const defaults = DEFAULT_SYNC_SETTINGS;
  return {
    autoUpload: row.auto_upload ?? defaults.autoUpload,
    syncOnCreate: row.sync_on_create ?? defaults.syncOnCreate,
    retentionDays: row.retention_days ?? defaults.retentionDays,
    maxFileSize: row.max_file_size === null ? defaults.maxFileSize : Number(row.max_file_size),
    trashDays: row.trash_days,
    keepVersions: row.keep_versions,
    version: row.version,
  };
}
