import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../database/column-types.js';

@Entity('sync_settings')
export class SyncSettings {
  @PrimaryColumn({ name: 'user_id', type: 'integer', primaryKeyConstraintName: 'sync_settings_pkey' })
  userId: number;

  @Column({ name: 'auto_upload', type: 'boolean', nullable: true, default: false })
  autoUpload: boolean;

  @Column({ name: 'sync_on_create', type: 'boolean', nullable: true, default: false })
  syncOnCreate: boolean;

  @Column({ name: 'retention_days', type: 'integer', nullable: true, default: 365 })
  retentionDays: number;

  /** In bytes. */
  @Column({
    name: 'max_file_size',
    type: 'bigint',
    nullable: true,
    default: 104857600,
    transformer: bigintAsNumber,
  })
  maxFileSize: number;

  @Column({ type: 'integer', default: 1 })
  version: number;

  /** How long deleted files can be undeleted. */
  @Column({ name: 'trash_days', type: 'integer', default: 30 })
  trashDays: number;

  /** Earlier contents that are kept of each file. */
  @Column({ name: 'keep_versions', type: 'integer', default: 10 })
  keepVersions: number;
}
