import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type {
  ProviderName,
  ProviderSettings,
  StorageCapabilities,
} from '../storage-providers/storage-provider.js';

/** A user's sealed settings for one bucket. One is active per user; the others are history. */
@Entity('cloud_configs')
@Index('cloud_configs_one_active', ['userId'], { unique: true, where: 'is_active' })
@Index('cloud_configs_user_id', ['userId', 'id'])
export class CloudConfig {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'cloud_configs_pkey' })
  id: number;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ type: 'varchar', length: 20 })
  provider: ProviderName;

  /** The secret fields as one sealed envelope; empty once the credentials were forgotten. */
  @Column({ name: 'encrypted_config', type: 'text' })
  encryptedConfig: string;

  @Column({ name: 'is_active', type: 'boolean', nullable: true, default: true })
  isActive: boolean;

  @Column({ name: 'created_at', type: 'timestamp', nullable: true, default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'updated_at', type: 'timestamp', nullable: true, default: () => 'now()' })
  updatedAt: Date;

  @Column({ name: 'bucket_name', type: 'varchar', length: 255 })
  bucketName: string;

  /** The settings that are not secret, region and endpoint among them. */
  @Column({ type: 'jsonb', default: () => "'{}'" })
  settings: ProviderSettings;

  /** Last four characters of each secret field. */
  @Column({ name: 'secret_hints', type: 'jsonb', default: () => "'{}'" })
  secretHints: Record<string, string>;

  /** What the connection test found. */
  @Column({ type: 'jsonb', default: () => "'{}'" })
  capabilities: Partial<StorageCapabilities>;

  /** Counts changes: the ETag, and what caches compare. */
  @Column({ type: 'integer', default: 1 })
  version: number;

  @Column({ name: 'last_test', type: 'timestamptz', nullable: true })
  lastTest: Date | null;

  @Column({ name: 'last_test_success', type: 'boolean', nullable: true })
  lastTestSuccess: boolean | null;

  @Column({ name: 'forgotten_at', type: 'timestamptz', nullable: true })
  forgottenAt: Date | null;
}
