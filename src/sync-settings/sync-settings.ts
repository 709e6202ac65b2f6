/** The limit of S3, Azure and GCS for one object: 5 TiB. */
export const MAX_FILE_SIZE_BYTES = 5 * 1024 ** 4;

/** A hundred years. */
export const MAX_RETENTION_DAYS = 36_500;

/** One user's row of `sync_settings`. */
export interface SyncSettingsValues {
  readonly autoUpload: boolean;
  readonly syncOnCreate: boolean;
  readonly retentionDays: number;
  /** In bytes. */
  readonly maxFileSize: number;
  /** Grows with every change; 0 while the user never changed anything. */
  readonly version: number;
}

/** What holds for a user without a row: the defaults of the table. */
export const DEFAULT_SYNC_SETTINGS: SyncSettingsValues = {
  autoUpload: false,
  syncOnCreate: false,
  retentionDays: 365,
  maxFileSize: 100 * 1024 ** 2,
  version: 0,
};

export type SyncSettingsChange = Partial<Omit<SyncSettingsValues, 'version'>>;
