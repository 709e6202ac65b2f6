import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { bigintAsNumber } from '../database/column-types.js';
import { RepositoryRow } from './repository.entity.js';

/**
 * A pack that an agent was given an order to store, or an index file that the server has stored for it. Rows go when the commit after the one that named them
 * is made: by then no agent will name them again.
 */
@Entity('stored_packs')
export class StoredPack {
  @PrimaryColumn({ name: 'repository_id', type: 'uuid', primaryKeyConstraintName: 'stored_packs_pkey' })
  repositoryId: string;

  @ManyToOne(() => RepositoryRow, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'repository_id', foreignKeyConstraintName: 'stored_packs_repository_id_fkey' })
  repository?: Relation<RepositoryRow>;

  /** SHA-256 of its bytes, which is its name. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'stored_packs_pkey' })
  id: Buffer;

  @Column({ type: 'varchar', length: 5 })
  kind: 'pack' | 'index';

  @Column({ name: 'size_bytes', type: 'bigint', transformer: bigintAsNumber })
  sizeBytes: number;

  /** Of the bytes that the agent announced; orders for other bytes under the same name are refused. */
  @Column({ type: 'bytea' })
  md5: Buffer;

  /** Seen in the bucket by a HEAD, with its size, or written by the server itself. */
  @Column({ name: 'is_verified', type: 'boolean', default: false })
  isVerified: boolean;

  /** Named by the repository's newest commit. */
  @Column({ name: 'is_committed', type: 'boolean', default: false })
  isCommitted: boolean;

  @Column({ name: 'ordered_at', type: 'timestamptz', default: () => 'now()' })
  orderedAt: Date;
}
