import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { RepositoryRow } from './repository.entity.js';

/** A pack that no snapshot needs; it is deleted after a grace period unless one needs it again. */
@Entity('doomed_packs')
export class DoomedPack {
  @PrimaryColumn({ name: 'repository_id', type: 'uuid', primaryKeyConstraintName: 'doomed_packs_pkey' })
  repositoryId: string;

  @ManyToOne(() => RepositoryRow, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'repository_id', foreignKeyConstraintName: 'doomed_packs_repository_id_fkey' })
  repository?: Relation<RepositoryRow>;

  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'doomed_packs_pkey' })
  id: Buffer;

  @Column({ type: 'timestamptz' })
  since: Date;

  /** The prune that doomed it. */
  @Column({ type: 'integer' })
  generation: number;
}
