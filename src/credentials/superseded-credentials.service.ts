import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog } from '../auth/audit-log.service.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import { CloudConfig } from './cloud-config.entity.js';
import { sameBucket } from './same-bucket.js';
import { Sealing } from './sealing/sealing.service.js';

/** Work that began with the old credentials may still need them this long. */
const KEPT_HOURS = 24;
const SWEEP_EVERY_MS = 60 * 60_000;
/** Rows looked at in one sweep; the rest waits for the next. */
const ROWS_PER_SWEEP = 1_000;

/**
 * Destroys credentials that were replaced and are of no use any more: those of a bucket that the present settings
 * open as well, and those of a bucket in which nothing of ours is stored. Credentials of another bucket that still
 * holds files stay, because only they can read them.
 */
@Injectable()
export class SupersededCredentials implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log = new Logger(SupersededCredentials.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly sealing: Sealing,
    private readonly audit: AuditLog,
    private readonly registry: ProviderRegistry,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.sweepQuietly(), SWEEP_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Safe to run in many processes at once. @returns how many were destroyed */
  async sweep(): Promise<number> {
    if (!this.sealing.state.open) return 0;
    let destroyed = 0;
    for (const { id, inUse } of await this.candidates()) {
      const config = await this.database.manager.findOneByOrFail(CloudConfig, { id });
      if ((!inUse || (await this.isReplaced(config))) && (await this.destroy(config))) destroyed += 1;
    }
    return destroyed;
  }

  private async candidates(): Promise<{ id: number; inUse: boolean }[]> {
    return this.database.query(
      `SELECT id, (
         EXISTS (SELECT 1 FROM cloud_files f WHERE f.cloud_config_id = c.id) OR
         EXISTS (SELECT 1 FROM file_versions v WHERE v.cloud_config_id = c.id) OR
         EXISTS (SELECT 1 FROM repositories r WHERE r.cloud_config_id = c.id)
       ) AS "inUse"
       FROM cloud_configs c
       WHERE NOT is_active AND forgotten_at IS NULL AND updated_at < now() - make_interval(hours => $1)
         AND NOT EXISTS (SELECT 1 FROM file_moves m WHERE m.user_id = c.user_id AND m.ended_at IS NULL)
       ORDER BY id LIMIT $2`,
      [KEPT_HOURS, ROWS_PER_SWEEP],
    );
  }

  private async isReplaced(config: CloudConfig): Promise<boolean> {
    const active = await this.database.manager.findOneBy(CloudConfig, {
      userId: config.userId,
      isActive: true,
    });
    return active !== null && sameBucket(config, active, this.registry);
  }

  private destroy({ id, userId, provider, bucketName }: CloudConfig): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      const [rows] = await manager.query<[unknown[], number]>(
        `UPDATE cloud_configs SET encrypted_config = '', secret_hints = '{}', forgotten_at = now()
         WHERE id = $1 AND NOT is_active AND forgotten_at IS NULL RETURNING id`,
        [id],
      );
      if (rows.length === 0) return false;
      const details = { provider, bucket_name: bucketName };
      const entry = {
        userId,
        action: 'settings.superseded_destroyed',
        subject: `cloud_config:${id}`,
        details,
      };
      await this.audit.record(entry, manager);
      return true;
    });
  }

  private sweepQuietly(): void {
    this.sweep().catch((error: unknown) =>
      this.log.error('Superseded credentials could not be destroyed.', error),
    );
  }
}
