import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { bigintAsNumber } from '../database/column-types.js';

/** A file on this host that the application made. The table may be the host application's own. */
@Entity('pixe_files', { synchronize: false })
export class LocalFile {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pixe_files_pkey' })
  id: number;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ type: 'varchar', length: 255 })
  filename: string;

  @Column({ name: 'file_path', type: 'text' })
  filePath: string;

  @Column({ name: 'file_size', type: 'bigint', transformer: bigintAsNumber })
  fileSize: number;

  @Column({ name: 'created_at', type: 'timestamp', nullable: true, default: () => 'now()' })
  createdAt: Date;
}
