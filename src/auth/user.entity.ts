import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { bigintAsNumber } from '../database/column-types.js';

@Entity('users')
export class User {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'users_pkey' })
  id: number;

  @Column({ type: 'varchar', length: 200 })
  name: string;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'disabled_at', type: 'timestamptz', nullable: true })
  disabledAt: Date | null;

  /** How much the user's files may take in all, in bytes; null: no limit of the administrator's. */
  @Column({ name: 'quota_bytes', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  quotaBytes: number | null;
}
