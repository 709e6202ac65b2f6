import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../config/clock.js';
import { notFound, validationFailed } from '../errors/request-errors.js';
import { type KeyKind, newApiKey } from './api-key-format.js';
import { ApiKey } from './api-key.entity.js';
import { type AuditOrigin, AuditLog } from './audit-log.service.js';
import { forbidden } from './auth-errors.js';
import { CONFIGURED_KEY_NAME, rowOfKey } from './key-row.js';
import { KeyVerifier } from './key-verifier.service.js';
import type { Principal } from './principal.js';
import { User } from './user.entity.js';

/** Sessions are opened, not made. */
export type GivenKind = Exclude<KeyKind, 'session'>;

export interface NewApiKey {
  readonly userId: number;
  readonly kind: GivenKind;
  readonly name: string;
  readonly expiresAt?: Date;
  /** Made by whoever will use it, whole and of this kind; absent: a new one. */
  readonly key?: string;
}

/** A key and its row; nobody will see the key again. */
export interface CreatedApiKey {
  readonly key: string;
  readonly row: ApiKey;
}

const REVOKE = `
  UPDATE api_keys SET revoked_at = $2 WHERE (id = $1 OR parent_id = $1) AND revoked_at IS NULL`;

@Injectable()
export class ApiKeys {
  constructor(
    private readonly database: DataSource,
    private readonly keys: KeyVerifier,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Nobody can make a key that may do more than their own.
   * @throws AuthError `forbidden`; RequestError `not_found`, `validation_failed`
   */
  async create(caller: Principal, origin: AuditOrigin, wanted: NewApiKey): Promise<CreatedApiKey> {
    const isAdmin = caller.scopes.includes('admin');
    if (!isAdmin && wanted.userId !== caller.userId) throw notFound('user');
    if (!isAdmin && wanted.kind === 'admin') throw forbidden();
    // Asked this way round, it also catches an invalid date.
    const endsMs = wanted.expiresAt?.getTime() ?? Infinity;
    if (!(endsMs > this.clock.now())) throw expiryPassed();
    if (wanted.name === CONFIGURED_KEY_NAME) throw nameReserved();
    return this.createFor(origin, wanted);
  }

  /** Without asking who wants it: for the operator's command line. @throws RequestError `not_found` */
  createFor(origin: AuditOrigin, wanted: NewApiKey): Promise<CreatedApiKey> {
    return this.database.transaction((manager) => this.createIn(manager, origin, wanted));
  }

  /** As a part of a larger change, whose transaction is `manager`'s. @throws RequestError `not_found` */
  async createIn(manager: EntityManager, origin: AuditOrigin, wanted: NewApiKey): Promise<CreatedApiKey> {
    const { userId, kind, name, expiresAt, key = newApiKey(kind) } = wanted;
    if (!(await manager.existsBy(User, { id: userId }))) throw notFound('user');
    const row = await manager.save(
      ApiKey,
      rowOfKey(key, { userId, kind, scopes: [kind], name, createdAtMs: this.clock.now(), expiresAt }),
    );
    const details = { user_id: userId, kind, expires_at: expiresAt };
    await this.audit.record(
      { ...origin, action: 'api_key.created', subject: subjectOf(row.id), details },
      manager,
    );
    return { key, row };
  }

  /**
   * A user's keys and sessions, the newest first, revoked and expired ones included.
   * @param afterId the last one that was shown
   * @throws RequestError `validation_failed` when there is no such key any more
   */
  async list(userId: number, { afterId, limit }: { afterId?: string; limit: number }): Promise<ApiKey[]> {
    const query = this.database.manager
      .createQueryBuilder(ApiKey, 'key')
      .where('key.userId = :userId', { userId })
      .orderBy('key.createdAt', 'DESC')
      .addOrderBy('key.id', 'DESC')
      .limit(limit);
    if (afterId !== undefined) {
      if (!(await this.database.manager.existsBy(ApiKey, { id: afterId, userId }))) throw cursorGone();
      const last = '(SELECT created_at, id FROM api_keys WHERE id = :afterId)';
      query.andWhere(`(key.createdAt, key.id) < ${last}`, { afterId });
    }
    return query.getMany();
  }

  /** @throws RequestError `not_found` */
  async get(caller: Principal, id: string): Promise<ApiKey> {
    const row = await this.database.manager.findOneBy(ApiKey, { id });
    if (row === null || !mayManage(caller, row)) throw notFound('API key');
    return row;
  }

  /**
   * The key and the sessions that were opened with it are refused from now on: here at once, in other processes within
   * a second. Revoking it again changes nothing.
   * @throws RequestError `not_found`
   */
  async revoke(caller: Principal, origin: AuditOrigin, id: string): Promise<void> {
    await this.database.transaction(async (manager) => {
      // Locked, so that no session is opened with it meanwhile.
      const row = await manager.findOne(ApiKey, { where: { id }, lock: { mode: 'pessimistic_write' } });
      if (row === null || !mayManage(caller, row)) throw notFound('API key');
      await this.revokeIn(manager, origin, row);
    });
    this.forgetRevoked();
  }

  /** As a part of a larger change; `forgetRevoked` must follow when it is committed. */
  async revokeIn(manager: EntityManager, origin: AuditOrigin, row: ApiKey): Promise<void> {
    if (row.revokedAt !== null) return;
    await manager.query(REVOKE, [row.id, new Date(this.clock.now())]);
    const details = { user_id: row.userId, kind: row.kind };
    await this.audit.record(
      { ...origin, action: 'api_key.revoked', subject: subjectOf(row.id), details },
      manager,
    );
  }

  /** Revoked keys are refused in this process from now on, not only within a second. */
  forgetRevoked(): void {
    this.keys.forgetAll();
  }
}

const subjectOf = (id: string): string => `api_key:${id}`;

function mayManage(caller: Principal, key: ApiKey): boolean {
  return caller.scopes.includes('admin') || key.userId === caller.userId;
}

function expiryPassed() {
  const detail = 'must be a moment in the future';
  return validationFailed([{ pointer: '/expires_at', detail, code: 'future' }]);
}

function nameReserved() {
  return validationFailed([{ pointer: '/name', detail: 'is taken by the environment', code: 'reserved' }]);
}

function cursorGone() {
  return validationFailed([
    { pointer: 'cursor', detail: 'names a key that is gone; begin again without it', code: 'invalid_cursor' },
  ]);
}
