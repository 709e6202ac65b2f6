import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row that says which installation this database belongs to and which master key opens it. */
@Entity('installation')
@Check('installation_id_check', 'id = 1')
export class Installation {
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'installation_pkey' })
  id: 1;

  @Column({ name: 'installation_id', type: 'uuid' })
  installationId: string;

  @Column({ name: 'kek_id', type: 'varchar', length: 16 })
  kekId: string;

  /** A known word sealed with the master key. */
  @Column({ name: 'key_check', type: 'text' })
  keyCheck: string;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;
}
