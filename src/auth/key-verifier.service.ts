import { Injectable } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import { Statements } from '../database/statements.js';
import { hashOfKey } from './api-key-format.js';
import { keyExpired, unauthenticated } from './auth-errors.js';
import { KeyUsage } from './key-usage.service.js';
import type { Principal, Scope } from './principal.js';
import { type VerifiedKey, VerifiedKeys } from './verified-keys.js';

/** A session ends with the key that it was opened with. */
const FIND_KEY = {
  name: 'api_keys_find',
  text: `
    SELECT key.id, key.user_id, key.scopes, key.expires_at
    FROM api_keys key
    JOIN users ON users.id = key.user_id
    LEFT JOIN api_keys parent ON parent.id = key.parent_id
    WHERE key.key_hash = $1
      AND key.revoked_at IS NULL AND parent.revoked_at IS NULL AND users.disabled_at IS NULL`,
};

interface KeyRow {
  readonly id: string;
  readonly user_id: number;
  readonly scopes: Scope[];
  readonly expires_at: Date | null;
}

/** Tells whose key it is. */
@Injectable()
export class KeyVerifier {
  readonly #verified: VerifiedKeys;

  constructor(
    private readonly statements: Statements,
    private readonly usage: KeyUsage,
    private readonly clock: Clock,
  ) {
    this.#verified = new VerifiedKeys(
      (keyHash) => this.lookUp(keyHash),
      () => clock.now(),
    );
  }

  /**
   * @param key well-formed
   * @throws AuthError `unauthenticated`, `key_expired`
   */
  async verify(key: string): Promise<Principal> {
    const verified = await this.#verified.find(hashOfKey(key));
    if (verified === undefined) throw unauthenticated();
    const nowMs = this.clock.now();
    if (verified.expiresAtMs !== undefined && verified.expiresAtMs <= nowMs) throw keyExpired();
    this.usage.note(verified.principal.apiKeyId, nowMs);
    return verified.principal;
  }

  /** To be called after a key was revoked or a user disabled, so that it takes effect in this process at once. */
  forgetAll(): void {
    this.#verified.forgetAll();
  }

  private async lookUp(keyHash: Buffer): Promise<VerifiedKey | undefined> {
    const [row] = await this.statements.query<KeyRow>(FIND_KEY, [keyHash]);
    if (row === undefined) return undefined;
    return {
      principal: { userId: row.user_id, apiKeyId: row.id, scopes: row.scopes },
      expiresAtMs: row.expires_at?.getTime(),
    };
  }
}
