import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { User } from '../auth/user.entity.js';
import { bigintAsNumber } from '../database/column-types.js';

/** Seals one user's secrets; stored only wrapped by the master key. */
@Entity('data_keys')
@Index('data_keys_user_id', ['userId', 'createdAt'])
@Index('data_keys_kek_id', ['kekId'])
export class DataKey {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'data_keys_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'data_keys_user_id_fkey' })
  user?: Relation<User>;

  @Column({ name: 'wrapped_key', type: 'text' })
  wrappedKey: string;

  /** The master key that wraps it. */
  @Column({ name: 'kek_id', type: 'varchar', length: 16 })
  kekId: string;

  /** Values sealed with it so far: a new key is made long before a random nonce could repeat. */
  @Column({ type: 'bigint', default: 0, transformer: bigintAsNumber })
  encryptions: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;
}
