import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { bigintAsNumber } from '../database/column-types.js';
import { LocalFile } from '../sync-settings/local-file.entity.js';
import { WatchedFolder } from './watched-folder.entity.js';

/**
 * waiting: not in the bucket, or changed since. uploading: leased by a server. synced: the bucket has it as it is.
 * skipped: too large. failed: tried often; still tried, seldom. vanished: not there any more; the cloud file stays.
 * unregistered: its user wants none of it, although its row or folder stays.
 */
export type LocalFileState =
  'waiting' | 'uploading' | 'synced' | 'skipped' | 'failed' | 'vanished' | 'unregistered';

/** Who made the row of `pixe_files`: the host application, a user's request, or a watched folder. */
export type LocalFileOrigin = 'host' | 'api' | 'folder';

/** What became of a local file. It comes into being with the file, by a trigger. */
@Entity('local_file_syncs')
@Index('local_file_syncs_user_id', ['userId', 'localFileId'])
@Index('local_file_syncs_path', ['userId', 'pathHash'])
@Index('local_file_syncs_due', ['serverName', 'nextAttemptAt'], { where: 'next_attempt_at IS NOT NULL' })
@Index('local_file_syncs_resting', ['userId', 'state'], {
  where: "next_attempt_at IS NULL AND state IN ('waiting', 'failed', 'skipped')",
})
@Index('local_file_syncs_unseen', ['localFileId'], { where: 'server_name IS NULL' })
@Index('local_file_syncs_server', ['serverName', 'localFileId'])
@Index('local_file_syncs_watched_folder_id', ['watchedFolderId'], { where: 'watched_folder_id IS NOT NULL' })
export class LocalFileSync {
  @PrimaryColumn({
    name: 'local_file_id',
    type: 'integer',
    primaryKeyConstraintName: 'local_file_syncs_pkey',
  })
  localFileId: number;

  @ManyToOne(() => LocalFile, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'local_file_id', foreignKeyConstraintName: 'local_file_syncs_local_file_id_fkey' })
  localFile?: Relation<LocalFile>;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ type: 'varchar', length: 6, default: 'host' })
  origin: LocalFileOrigin;

  /** SHA-256 of the path: paths are too long for an index. */
  @Column({ name: 'path_hash', type: 'varchar', length: 64 })
  pathHash: string;

  /** Of the server that sees the file; null: none has yet. */
  @Column({ name: 'server_name', type: 'varchar', length: 255, nullable: true })
  serverName: string | null;

  @Column({ name: 'watched_folder_id', type: 'uuid', nullable: true })
  watchedFolderId: string | null;

  @ManyToOne(() => WatchedFolder, { onDelete: 'SET NULL' })
  @JoinColumn({
    name: 'watched_folder_id',
    foreignKeyConstraintName: 'local_file_syncs_watched_folder_id_fkey',
  })
  watchedFolder?: Relation<WatchedFolder>;

  /** Where it goes in the bucket. */
  @Column({ type: 'text', default: '' })
  folder: string;

  @Column({ type: 'varchar', length: 12, default: 'waiting' })
  state: LocalFileState;

  @Column({ name: 'reason_code', type: 'varchar', length: 60, nullable: true })
  reasonCode: string | null;

  @Column({ type: 'text', nullable: true })
  reason: string | null;

  /** Since it was last synced or changed. */
  @Column({ type: 'integer', default: 0 })
  attempts: number;

  /** Whether its user asked for this upload, whatever the settings say. */
  @Column({ type: 'boolean', default: false })
  asked: boolean;

  /** Null: nobody wants it uploaded now. While it is uploading: when its lease ends. */
  @Column({ name: 'next_attempt_at', type: 'timestamptz', nullable: true })
  nextAttemptAt: Date | null;

  /** The attempt that holds it, or that ended last. */
  @Column({ name: 'lease_id', type: 'uuid', nullable: true })
  leaseId: string | null;

  /** It changed while it was uploading. */
  @Column({ name: 'changed_again', type: 'boolean', default: false })
  changedAgain: boolean;

  /** Whether webhooks were told that it is not uploaded. */
  @Column({ name: 'failure_told', type: 'boolean', default: false })
  failureTold: boolean;

  /** As it was last seen. */
  @Column({ name: 'size_bytes', type: 'bigint', transformer: bigintAsNumber })
  sizeBytes: number;

  @Column({ name: 'modified_at', type: 'timestamptz', nullable: true })
  modifiedAt: Date | null;

  /** Of the running upload. */
  @Column({ name: 'bytes_done', type: 'bigint', default: 0, transformer: bigintAsNumber })
  bytesDone: number;

  /** What tells one state of the file from another, of the one that is in the bucket. */
  @Column({ name: 'synced_stamp', type: 'varchar', length: 80, nullable: true })
  syncedStamp: string | null;

  @Column({ name: 'synced_size_bytes', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  syncedSizeBytes: number | null;

  /** SHA-256 of what is in the bucket. */
  @Column({ type: 'varchar', length: 64, nullable: true })
  checksum: string | null;

  @Column({ name: 'cloud_file_id', type: 'integer', nullable: true })
  cloudFileId: number | null;

  @Column({ name: 'synced_at', type: 'timestamptz', nullable: true })
  syncedAt: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;
}
