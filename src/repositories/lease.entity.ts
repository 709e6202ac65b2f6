import { Column, Entity, JoinColumn, ManyToOne, OneToOne, PrimaryColumn, type Relation } from 'typeorm';
import { bigintAsNumber } from '../database/column-types.js';
import { Agent } from './agent.entity.js';
import { RepositoryRow } from './repository.entity.js';

/** Who may write a repository now. The row stays when it has expired, so that fencing numbers never repeat. */
@Entity('leases')
export class Lease {
  @PrimaryColumn({ name: 'repository_id', type: 'uuid', primaryKeyConstraintName: 'leases_pkey' })
  repositoryId: string;

  @OneToOne(() => RepositoryRow, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'repository_id', foreignKeyConstraintName: 'leases_repository_id_fkey' })
  repository?: Relation<RepositoryRow>;

  @Column({ name: 'agent_id', type: 'uuid' })
  agentId: string;

  @ManyToOne(() => Agent, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'agent_id', foreignKeyConstraintName: 'leases_agent_id_fkey' })
  agent?: Relation<Agent>;

  /** Grows with each new holder. */
  @Column({ type: 'bigint', transformer: bigintAsNumber })
  fencing: number;

  /** By the database's clock. */
  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt: Date;
}
