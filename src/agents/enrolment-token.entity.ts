import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { User } from '../auth/user.entity.js';
import { Agent } from '../repositories/agent.entity.js';

/** Lets one agent enrol, once. The token itself is shown once and never stored. */
@Entity('enrolment_tokens')
@Index('enrolment_tokens_token_hash', ['tokenHash'], { unique: true })
export class EnrolmentToken {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'enrolment_tokens_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'enrolment_tokens_user_id_fkey' })
  user?: Relation<User>;

  @Column({ name: 'agent_name', type: 'varchar', length: 100 })
  agentName: string;

  /** The agent whose host lost its key and that gets another one; null: a new agent. */
  @Column({ name: 'agent_id', type: 'uuid', nullable: true })
  agentId: string | null;

  @ManyToOne(() => Agent, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'agent_id', foreignKeyConstraintName: 'enrolment_tokens_agent_id_fkey' })
  agent?: Relation<Agent> | null;

  /** SHA-256 of the token. */
  @Column({ name: 'token_hash', type: 'bytea' })
  tokenHash: Buffer;

  @Column({ name: 'is_embedded', type: 'boolean', default: false })
  isEmbedded: boolean;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt: Date;

  @Column({ name: 'used_at', type: 'timestamptz', nullable: true })
  usedAt: Date | null;
}
