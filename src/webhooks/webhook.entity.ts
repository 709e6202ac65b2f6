import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { User } from '../auth/user.entity.js';

/** Where a user wants to hear of events. */
@Entity('webhooks')
@Index('webhooks_user_id', ['userId'])
export class Webhook {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'webhooks_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'webhooks_user_id_fkey' })
  user?: Relation<User>;

  @Column({ type: 'text' })
  url: string;

  /** An envelope (purpose `hook`). */
  @Column({ name: 'sealed_secret', type: 'text' })
  sealedSecret: string;

  /** Also signs until `previous_secret_until`, so that a receiver can change its secret without losing events. */
  @Column({ name: 'sealed_previous_secret', type: 'text', nullable: true })
  sealedPreviousSecret: string | null;

  @Column({ name: 'previous_secret_until', type: 'timestamptz', nullable: true })
  previousSecretUntil: Date | null;

  /** Empty: all of them. */
  @Column({ name: 'event_types', type: 'jsonb', default: () => "'[]'" })
  eventTypes: string[];

  @Column({ type: 'boolean', default: true })
  enabled: boolean;

  /** Why Stowage disabled it, as a sentence; null when its user did, or while it is enabled. */
  @Column({ name: 'disabled_reason', type: 'text', nullable: true })
  disabledReason: string | null;

  /** Nobody answered there; until then nothing is tried. */
  @Column({ name: 'unreachable_until', type: 'timestamptz', nullable: true })
  unreachableUntil: Date | null;

  @Column({ type: 'integer', default: 1 })
  version: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;
}
