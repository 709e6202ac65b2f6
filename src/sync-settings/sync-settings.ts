/** The limit of S3, Azure and GCS for one object: 5 TiB. */
export const MAX_FILE_SIZE_BYTES = 5 * 1024 ** 4;

/** A hundred years. */
export const MAX_RETENTION_DAYS = 36_500;

/** Ten years. */
export const MAX_TRASH_DAYS = 3_650;
export const MAX_KEEP_VERSIONS = 1_000;

/** One user's row of `sync_settings`. */
export interface SyncSettingsValues {
  readonly autoUpload: boolean;
  readonly syncOnCreate: boolean;
  readonly retentionDays: number;
  /** In bytes. */
  readonly maxFileSize: number;
  /** How long deleted files can be undeleted; 0: they go at once. */
  readonly trashDays: number;
  /** Earlier contents that are kept of each file. */
  readonly keepVersions: number;
  /** Grows with every change; 0 while the user never changed anything. */
  readonly version: number;
}

/** What holds for a user without a row: the defaults of the table. */
export const DEFAULT_SYNC_SETTINGS: SyncSettingsValues = {
  autoUpload: false,
  syncOnCreate: false,
  retentionDays: 365,
  maxFileSize: 100 * 1024 ** 2,
  trashDays: 30,
  keepVersions: 10,
  version: 0,
};

export type SyncSettingsChange = Partial<Omit<SyncSettingsValues, 'version'>>;
