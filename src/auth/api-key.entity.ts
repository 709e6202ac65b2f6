import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import type { KeyKind } from './api-key-format.js';
import type { Scope } from './principal.js';
import { User } from './user.entity.js';

/** A key that opens the API. The key itself is shown once and never stored. */
@Entity('api_keys')
@Index('api_keys_key_hash', ['keyHash'], { unique: true })
@Index('api_keys_user_id', ['userId'])
@Index('api_keys_parent_id', ['parentId'])
export class ApiKey {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'api_keys_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'api_keys_user_id_fkey' })
  user?: Relation<User>;

  /** The key that a session was opened with: it ends with that key. */
  @Column({ name: 'parent_id', type: 'uuid', nullable: true })
  parentId: string | null;

  @ManyToOne(() => ApiKey, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'parent_id', foreignKeyConstraintName: 'api_keys_parent_id_fkey' })
  parent?: Relation<ApiKey>;

  @Column({ type: 'varchar', length: 10 })
  kind: KeyKind;

  @Column({ type: 'varchar', length: 200 })
  name: string;

  @Column({ type: 'text', array: true })
  scopes: Scope[];

  /** SHA-256 of the key. */
  @Column({ name: 'key_hash', type: 'bytea' })
  keyHash: Buffer;

  /** The key's last four characters, so that people can tell their keys apart. */
  @Column({ type: 'varchar', length: 4 })
  last4: string;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt: Date | null;

  /** Written every few seconds, not at each request. */
  @Column({ name: 'last_used_at', type: 'timestamptz', nullable: true })
  lastUsedAt: Date | null;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt: Date | null;
}
