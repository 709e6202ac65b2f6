import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull, Not } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { ConfigurationError } from '../config/read-environment.js';
import { lockAdministrators } from './administrators-lock.js';
import { hashOfKey, kindOfKey } from './api-key-format.js';
import { ApiKey } from './api-key.entity.js';
import { AuditLog } from './audit-log.service.js';
import { CONFIGURED_KEY_NAME, rowOfKey } from './key-row.js';
import { User } from './user.entity.js';

/** How its keys are recognized. */
const CONFIGURED = { name: CONFIGURED_KEY_NAME, kind: 'admin' as const };

/** Makes STOWAGE_ADMIN_KEY an administrator's key at start; any number of replicas may do so at the same time. */
@Injectable()
export class ConfiguredAdminKey implements OnApplicationBootstrap {
  readonly #logger = new Logger('Setup');

  constructor(
    private readonly database: DataSource,
    private readonly config: Config,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** @throws ConfigurationError for a key with a typing error */
  async onApplicationBootstrap(): Promise<void> {
    const key = this.config.env.STOWAGE_ADMIN_KEY;
    if (key === undefined) return;
    if (kindOfKey(key) !== 'admin') {
      throw new ConfigurationError([
        'STOWAGE_ADMIN_KEY is not complete or has a typing error (make one with: npm run admin -- new-key)',
      ]);
    }
    await this.database.transaction(async (manager) => {
      await lockAdministrators(manager);
      await this.ensure(manager, key);
    });
  }

  private async ensure(manager: EntityManager, key: string): Promise<void> {
    const existing = await manager.findOneBy(ApiKey, { keyHash: hashOfKey(key) });
    if (existing === null) return this.insert(manager, key);
    if (existing.revokedAt === null) return;
    // A key that leaked must not come back with the next start of a server that still has it.
    this.#logger.warn('STOWAGE_ADMIN_KEY was revoked and stays so. Make a new one: npm run admin -- new-key');
  }

  /** A new value replaces the one before, for the same user. */
  private async insert(manager: EntityManager, key: string): Promise<void> {
    const createdAtMs = this.clock.now();
    const earlier = await manager.findOneBy(ApiKey, CONFIGURED);
    const userId = earlier?.userId ?? (await this.insertUser(manager, createdAtMs));
    const row = await manager.save(
      ApiKey,
      rowOfKey(key, { ...CONFIGURED, userId, scopes: ['admin'], createdAtMs }),
    );
    const subject = `api_key:${row.id}`;
    const details = { user_id: userId, by: CONFIGURED_KEY_NAME };
    await this.audit.record({ action: 'api_key.created', subject, details }, manager);
    await this.revokeEarlier(manager, row);
  }

  private async insertUser(manager: EntityManager, createdAtMs: number): Promise<number> {
    const createdAt = new Date(createdAtMs);
    const { id } = await manager.save(User, { name: 'Administrator', createdAt, disabledAt: null });
    const details = { by: CONFIGURED_KEY_NAME };
    await this.audit.record({ action: 'user.created', subject: `user:${id}`, details }, manager);
    return id;
  }

  private async revokeEarlier(manager: EntityManager, current: ApiKey): Promise<void> {
    const earlier = await manager.findBy(ApiKey, {
      ...CONFIGURED,
      id: Not(current.id),
      revokedAt: IsNull(),
    });
    for (const { id } of earlier) {
      await manager.update(ApiKey, { id }, { revokedAt: current.createdAt });
      const details = { by: CONFIGURED_KEY_NAME };
      await this.audit.record({ action: 'api_key.revoked', subject: `api_key:${id}`, details }, manager);
    }
  }
}
