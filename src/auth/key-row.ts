import { hashOfKey, type KeyKind } from './api-key-format.js';
import type { ApiKey } from './api-key.entity.js';
import type { Scope } from './principal.js';

/** Name of the keys that come from the environment; people cannot give it to theirs. */
export const CONFIGURED_KEY_NAME = 'STOWAGE_ADMIN_KEY';

export interface KeyProperties {
  readonly userId: number;
  readonly kind: KeyKind;
  readonly scopes: Scope[];
  readonly name: string;
  readonly createdAtMs: number;
  readonly expiresAt?: Date | null;
  /** The key that a session is opened with. */
  readonly parentId?: string;
}

/** The row of a new key: all of it but the key. */
export function rowOfKey(key: string, properties: KeyProperties): Omit<ApiKey, 'id'> {
  const { userId, kind, scopes, name, createdAtMs, expiresAt = null, parentId = null } = properties;
  return {
    userId,
    parentId,
    kind,
    name,
    scopes,
    keyHash: hashOfKey(key),
    last4: key.slice(-4),
    createdAt: new Date(createdAtMs),
    expiresAt,
    lastUsedAt: null,
    revokedAt: null,
  };
}
