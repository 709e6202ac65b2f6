import { formatTime } from './go-time.js';
import type { SnapshotFields } from './snapshot-fields.js';

/** What a backup found and added; restic 0.17 and later write it into the snapshot. */
export interface SnapshotSummary {
  /** Nanoseconds since the epoch. */
  readonly backupStartNs: bigint;
  readonly backupEndNs: bigint;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnmodified: number;
  readonly dirsNew: number;
  readonly dirsChanged: number;
  readonly dirsUnmodified: number;
  readonly dataBlobs: number;
  readonly treeBlobs: number;
  /** New blobs before compression. */
  readonly dataAddedBytes: number;
  /** The same as they lie in packs. */
  readonly dataAddedPackedBytes: number;
  readonly totalFilesProcessed: number;
  readonly totalBytesProcessed: number;
}

type Count = Exclude<keyof SnapshotSummary, 'backupStartNs' | 'backupEndNs'>;

/** In restic's order. */
const COUNTS: ReadonlyArray<readonly [key: string, property: Count]> = [
  ['files_new', 'filesNew'],
  ['files_changed', 'filesChanged'],
  ['files_unmodified', 'filesUnmodified'],
  ['dirs_new', 'dirsNew'],
  ['dirs_changed', 'dirsChanged'],
  ['dirs_unmodified', 'dirsUnmodified'],
  ['data_blobs', 'dataBlobs'],
  ['tree_blobs', 'treeBlobs'],
  ['data_added', 'dataAddedBytes'],
  ['data_added_packed', 'dataAddedPackedBytes'],
  ['total_files_processed', 'totalFilesProcessed'],
  ['total_bytes_processed', 'totalBytesProcessed'],
];

export function encodeSummary(summary: SnapshotSummary): string {
  const counts = COUNTS.map(([key, property]) => `,"${key}":${summary[property]}`).join('');
  const { backupStartNs, backupEndNs } = summary;
  return `{"backup_start":"${formatTime(backupStartNs)}","backup_end":"${formatTime(backupEndNs)}"${counts}}`;
}

/** Fields that the writer did not know are 0. */
export function decodeSummary(fields: SnapshotFields | undefined): SnapshotSummary | undefined {
  if (fields === undefined) return undefined;
  const counts = Object.fromEntries(COUNTS.map(([key, property]) => [property, fields.count(key) ?? 0]));
  return {
    backupStartNs: fields.time('backup_start') ?? 0n,
    backupEndNs: fields.time('backup_end') ?? 0n,
    ...(counts as Record<Count, number>),
  };
}
