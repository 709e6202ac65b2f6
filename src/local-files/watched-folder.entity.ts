import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A folder of a server whose files become local files. */
@Entity('watched_folders')
@Index('watched_folders_user_id', ['userId', 'createdAt', 'id'])
@Index('watched_folders_server_name', ['serverName'])
export class WatchedFolder {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'watched_folders_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  /** LOCAL_FILES_SERVER of the servers that see it. */
  @Column({ name: 'server_name', type: 'varchar', length: 255 })
  serverName: string;

  @Column({ type: 'text' })
  path: string;

  /** Patterns as of .gitignore; none: all files. */
  @Column({ type: 'text', array: true, default: '{}' })
  include: string[];

  @Column({ type: 'text', array: true, default: '{}' })
  exclude: string[];

  /** Where its files go in the bucket; their own subfolders follow. */
  @Column({ type: 'text', default: '' })
  folder: string;

  /** What keeps it from being watched or walked, in a sentence. */
  @Column({ type: 'text', nullable: true })
  problem: string | null;

  /** Entries that the last walk could not read or name. */
  @Column({ name: 'unreadable_count', type: 'integer', default: 0 })
  unreadableCount: number;

  @Column({ name: 'last_walk_at', type: 'timestamptz', nullable: true })
  lastWalkAt: Date | null;

  @Column({ type: 'integer', default: 1 })
  version: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;
}
