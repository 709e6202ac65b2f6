import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A privileged act. Written in the act's own transaction, never changed; it outlives the user and the key. */
@Entity('audit_log')
@Index('audit_log_user_id', ['userId', 'id'])
export class AuditEntry {
  /** BIGINT, as text. */
  @PrimaryGeneratedColumn({ type: 'bigint', primaryKeyConstraintName: 'audit_log_pkey' })
  id: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  at: Date;

  /** Who did it; null for the operator's command line and for what the server does at its start. */
  @Column({ name: 'user_id', type: 'integer', nullable: true })
  userId: number | null;

  @Column({ name: 'api_key_id', type: 'uuid', nullable: true })
  apiKeyId: string | null;

  /** Noun and verb: `api_key.revoked`. */
  @Column({ type: 'varchar', length: 60 })
  action: string;

  /** What it was done to: `api_key:5f0b…`. */
  @Column({ type: 'varchar', length: 200 })
  subject: string;

  /** Never a secret. */
  @Column({ type: 'jsonb', default: () => "'{}'" })
  details: object;

  @Column({ type: 'varchar', length: 64, nullable: true })
  address: string | null;

  @Column({ name: 'request_id', type: 'varchar', length: 64, nullable: true })
  requestId: string | null;
}
