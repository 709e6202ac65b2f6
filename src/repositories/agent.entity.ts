import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { ApiKey } from '../auth/api-key.entity.js';
import { User } from '../auth/user.entity.js';

/** A process on a host that reads and writes workspaces. It holds no bucket's credentials. */
@Entity('agents')
@Index('agents_api_key_id', ['apiKeyId'], { unique: true })
@Index('agents_name', ['userId', 'name'], { unique: true, where: 'removed_at IS NULL' })
export class Agent {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'agents_pkey' })
  id: string;

  /** Who enrolled it. The embedded agent also serves the workspaces of others. */
  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'agents_user_id_fkey' })
  user?: Relation<User>;

  @Column({ name: 'api_key_id', type: 'uuid' })
  apiKeyId: string;

  @ManyToOne(() => ApiKey, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'api_key_id', foreignKeyConstraintName: 'agents_api_key_id_fkey' })
  apiKey?: Relation<ApiKey>;

  @Column({ type: 'varchar', length: 100 })
  name: string;

  @Column({ type: 'varchar', length: 255 })
  hostname: string;

  /** Operating system and architecture: `linux x64`. */
  @Column({ type: 'varchar', length: 60 })
  platform: string;

  @Column({ name: 'program_version', type: 'varchar', length: 40 })
  programVersion: string;

  /** The one that the server runs on its own machine. */
  @Column({ name: 'is_embedded', type: 'boolean', default: false })
  isEmbedded: boolean;

  @Column({ name: 'enrolled_at', type: 'timestamptz', default: () => 'now()' })
  enrolledAt: Date;

  @Column({ name: 'last_seen_at', type: 'timestamptz', nullable: true })
  lastSeenAt: Date | null;

  /** As the watchdog last saw it; null: it is heard of. */
  @Column({ name: 'offline_since', type: 'timestamptz', nullable: true })
  offlineSince: Date | null;

  @Column({ name: 'removed_at', type: 'timestamptz', nullable: true })
  removedAt: Date | null;
}
