import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../database/column-types.js';
import { FileMove } from './file-move.entity.js';

const primaryKeyConstraintName = 'file_move_items_pkey';

/**
 * One object on its way. Content is known by its object's key, which is used once: whatever happens to a file meanwhile
 * (a new name, the trash, a new version), the object stays the same.
 */
@Entity('file_move_items')
export class MoveItem {
  @PrimaryColumn({ name: 'move_id', type: 'uuid', primaryKeyConstraintName })
  moveId: string;

  @ManyToOne(() => FileMove, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'move_id', foreignKeyConstraintName: 'file_move_items_move_id_fkey' })
  move?: Relation<FileMove>;

  @PrimaryColumn({ name: 'source_config_id', type: 'integer', primaryKeyConstraintName })
  sourceConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'source_config_id', foreignKeyConstraintName: 'file_move_items_source_config_id_fkey' })
  sourceConfig?: Relation<CloudConfig>;

  @PrimaryColumn({ name: 'source_key', type: 'text', primaryKeyConstraintName })
  sourceKey: string;

  @Column({ name: 'target_key', type: 'text' })
  targetKey: string;

  /** copying: claimed, before its first byte. failed: cannot be copied, whoever tries. cleaned: its source is gone. */
  @Column({ type: 'varchar', length: 7, default: 'copying' })
  state: 'copying' | 'copied' | 'failed' | 'cleaned';

  @Column({ name: 'size_bytes', type: 'bigint', transformer: bigintAsNumber })
  sizeBytes: number;

  /** The target's multipart upload, while it is copied in parts. */
  @Column({ name: 'upload_id', type: 'text', nullable: true })
  uploadId: string | null;

  /** SHA-256 of what was read from the source. */
  @Column({ type: 'varchar', length: 64, nullable: true })
  checksum: string | null;

  @Column({ type: 'bigint', nullable: true, transformer: bigintAsNumber })
  crc32: number | null;

  @Column({ type: 'varchar', length: 255, nullable: true })
  etag: string | null;

  @Column({ name: 'cloud_url', type: 'text', nullable: true })
  cloudUrl: string | null;

  @Column({ name: 'error_code', type: 'varchar', length: 60, nullable: true })
  errorCode: string | null;
}
