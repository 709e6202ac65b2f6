import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, MoreThan } from 'typeorm';
import { Clock } from '../config/clock.js';
import { notFound } from '../errors/request-errors.js';
import { lockAdministrators } from './administrators-lock.js';
import { type AuditOrigin, AuditLog } from './audit-log.service.js';
import { lastAdmin } from './auth-errors.js';
import { KeyVerifier } from './key-verifier.service.js';
import { User } from './user.entity.js';

export interface UserChanges {
  readonly name?: string;
  readonly disabled?: boolean;
  /** null takes the quota away. */
  readonly quota_bytes?: number | null;
}

/** Somebody who can still administer when user $1 cannot. */
const OTHER_ADMIN = `
  SELECT 1
  FROM api_keys key JOIN users ON users.id = key.user_id
  WHERE key.kind = 'admin' AND key.user_id <> $1
    AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > $2)
    AND users.disabled_at IS NULL
  LIMIT 1`;

@Injectable()
export class Users {
  constructor(
    private readonly database: DataSource,
    private readonly keys: KeyVerifier,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  create(origin: AuditOrigin, name: string): Promise<User> {
    return this.database.transaction(async (manager) => {
      const user = await manager.save(User, {
        name,
        createdAt: new Date(this.clock.now()),
        disabledAt: null,
        quotaBytes: null,
      });
      await this.audit.record({ ...origin, action: 'user.created', subject: subjectOf(user.id) }, manager);
      return user;
    });
  }

  /** @throws RequestError `not_found` */
  async get(id: number): Promise<User> {
    const user = await this.database.manager.findOneBy(User, { id });
    if (user === null) throw notFound('user');
    return user;
  }

  /** In the order of their ids. */
  list({ afterId = 0, limit }: { afterId?: number; limit: number }): Promise<User[]> {
    return this.database.manager.find(User, {
      where: { id: MoreThan(afterId) },
      order: { id: 'ASC' },
      take: limit,
    });
  }

  /**
   * A disabled user's keys are refused, everywhere within a second; what the user has is kept.
   * @throws RequestError `not_found`; AuthError `last_admin`
   */
  async change(origin: AuditOrigin, id: number, changes: UserChanges): Promise<User> {
    const user = await this.database.transaction(async (manager) => {
      // Two who disable each other at the same time would leave nobody: one after the other.
      await lockAdministrators(manager);
      const row = await manager.findOneBy(User, { id });
      if (row === null) throw notFound('user');
      if (changes.disabled === true) await this.assertOtherAdmin(manager, id);
      const changed = this.applied(row, changes);
      const { name, disabledAt, quotaBytes } = changed;
      await manager.update(User, id, { name, disabledAt, quotaBytes });
      await this.audit.record(
        { ...origin, action: 'user.changed', subject: subjectOf(id), details: changes },
        manager,
      );
      return changed;
    });
    if (changes.disabled !== undefined) this.keys.forgetAll();
    return user;
  }

  private applied(user: User, changes: UserChanges): User {
    const { name = user.name, disabled, quota_bytes: quotaBytes = user.quotaBytes } = changes;
    const since = user.disabledAt ?? new Date(this.clock.now());
    const disabledAt = disabled === undefined ? user.disabledAt : disabled ? since : null;
    return { ...user, name, disabledAt, quotaBytes };
  }

  private async assertOtherAdmin(manager: EntityManager, userId: number): Promise<void> {
    const others: unknown[] = await manager.query(OTHER_ADMIN, [userId, new Date(this.clock.now())]);
    if (others.length === 0) throw lastAdmin();
  }
}

const subjectOf = (id: number): string => `user:${id}`;
