import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { bigintAsNumber } from '../database/column-types.js';
import { Upload } from './upload.entity.js';

/** A part of an upload that is whole in the bucket. */
@Entity('upload_parts')
export class UploadPart {
  @PrimaryColumn({ name: 'upload_id', type: 'uuid', primaryKeyConstraintName: 'upload_parts_pkey' })
  uploadId: string;

  @ManyToOne(() => Upload, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'upload_id', foreignKeyConstraintName: 'upload_parts_upload_id_fkey' })
  upload?: Relation<Upload>;

  /** From 1. */
  @PrimaryColumn({ name: 'part_number', type: 'integer', primaryKeyConstraintName: 'upload_parts_pkey' })
  partNumber: number;

  @Column({ name: 'size_bytes', type: 'bigint', transformer: bigintAsNumber })
  sizeBytes: number;

  @Column({ type: 'varchar', length: 255 })
  etag: string;
}
