import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { RepositoryRow } from './repository.entity.js';

/** A pack of which an agent's index file says what it holds, and that nobody else has read as a whole since. */
@Entity('unproven_packs')
export class UnprovenPack {
  @PrimaryColumn({ name: 'repository_id', type: 'uuid', primaryKeyConstraintName: 'unproven_packs_pkey' })
  repositoryId: string;

  @ManyToOne(() => RepositoryRow, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'repository_id', foreignKeyConstraintName: 'unproven_packs_repository_id_fkey' })
  repository?: Relation<RepositoryRow>;

  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'unproven_packs_pkey' })
  id: Buffer;

  /** Whose word it is; the row outlives the agent. */
  @Column({ name: 'agent_id', type: 'uuid' })
  agentId: string;

  /** Counts the index files that named it: what was read answers for those of before. */
  @Column({ type: 'integer', default: 1 })
  claims: number;

  @Column({ name: 'claimed_at', type: 'timestamptz', default: () => 'now()' })
  claimedAt: Date;

  /** What lies in other packs, too, was read in this one. */
  @Column({ name: 'are_copies_read', type: 'boolean', default: false })
  areCopiesRead: boolean;

  /** Somebody who read from it did not find what the index says. */
  @Column({ name: 'is_suspect', type: 'boolean', default: false })
  isSuspect: boolean;
}
