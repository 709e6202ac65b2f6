import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { Clock } from '../config/clock.js';
import { kindOfKey, newApiKey } from './api-key-format.js';
import { ApiKey } from './api-key.entity.js';
import { type AuditOrigin, AuditLog } from './audit-log.service.js';
import { forbidden, unauthenticated } from './auth-errors.js';
import { rowOfKey } from './key-row.js';
import { KeyVerifier } from './key-verifier.service.js';
import type { Principal } from './principal.js';
import { SESSION_SECONDS } from './session-cookie.js';

const DROP_OLD = `
  DELETE FROM api_keys WHERE user_id = $1 AND kind = 'session' AND expires_at < $2`;
/** How long ended sessions stay in the list of keys. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;

/** Sessions of browsers: keys of their own, so that the key which opened them need not stay in the browser. */
@Injectable()
export class Sessions {
  constructor(
    private readonly database: DataSource,
    private readonly keys: KeyVerifier,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * @param apiKey of an administrator or user
   * @returns the session's key, for the cookie
   * @throws AuthError `unauthenticated`, `key_expired`, `forbidden` for an agent's key
   */
  async open(origin: AuditOrigin, apiKey: string): Promise<string> {
    const kind = kindOfKey(apiKey);
    if (kind === undefined || kind === 'session') throw unauthenticated();
    const { userId, apiKeyId } = await this.keys.verify(apiKey);
    if (kind === 'agent') throw forbidden();
    return this.database.transaction(async (manager) => {
      // Shared with other sessions, not with its revocation.
      const parent = await manager.findOne(ApiKey, {
        where: { id: apiKeyId, revokedAt: IsNull() },
        lock: { mode: 'pessimistic_read' },
      });
      if (parent === null) throw unauthenticated();
      return this.openWith(manager, { ...origin, userId, apiKeyId }, parent);
    });
  }

  /** Within the transaction in which `parent` was made or is locked. */
  async openWith(manager: EntityManager, origin: AuditOrigin, parent: ApiKey): Promise<string> {
    const key = newApiKey('session');
    const createdAtMs = this.clock.now();
    const endMs = createdAtMs + SESSION_SECONDS * 1_000;
    const { userId, scopes, id: parentId } = parent;
    const expiresAt = new Date(Math.min(endMs, parent.expiresAt?.getTime() ?? endMs));
    await manager.query(DROP_OLD, [userId, new Date(createdAtMs - KEPT_MS)]);
    const name = `Session opened with …${parent.last4}`;
    const row = rowOfKey(key, { userId, kind: 'session', scopes, name, createdAtMs, expiresAt, parentId });
    const { id } = await manager.save(ApiKey, row);
    await this.audit.record({ ...origin, action: 'session.opened', subject: `api_key:${id}` }, manager);
    return key;
  }

  /** Ends the session that the caller uses; does nothing for a caller with an API key. */
  async close(caller: Principal, origin: AuditOrigin): Promise<void> {
    const { apiKeyId: id } = caller;
    const revokedAt = new Date(this.clock.now());
    await this.database.transaction(async (manager) => {
      const which = { id, kind: 'session' as const, revokedAt: IsNull() };
      const { affected } = await manager.update(ApiKey, which, { revokedAt });
      if (affected === 0) return;
      await this.audit.record({ ...origin, action: 'session.closed', subject: `api_key:${id}` }, manager);
    });
    this.keys.forgetAll();
  }
}
