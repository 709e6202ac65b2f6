import type { ApiKey } from './api-key.entity.js';
import type { ApiKeyDto } from './api-keys.dto.js';
import type { AuditEntry } from './audit-entry.entity.js';
import type { AuditEntryDto } from './audit.dto.js';
import type { User } from './user.entity.js';
import type { UserDto } from './users.dto.js';

/* Rows as they are on the wire. */

export function userJson(user: User): UserDto {
  const { id, name, createdAt, disabledAt, quotaBytes } = user;
  return {
    id,
    name,
    created_at: createdAt.toISOString(),
    disabled_at: isoOrNull(disabledAt),
    quota_bytes: quotaBytes,
  };
}

export function apiKeyJson(key: ApiKey): ApiKeyDto {
  return {
    id: key.id,
    user_id: key.userId,
    kind: key.kind,
    name: key.name,
    scopes: key.scopes,
    last4: key.last4,
    created_at: key.createdAt.toISOString(),
    expires_at: isoOrNull(key.expiresAt),
    last_used_at: isoOrNull(key.lastUsedAt),
    revoked_at: isoOrNull(key.revokedAt),
  };
}

export function auditEntryJson(entry: AuditEntry): AuditEntryDto {
  return {
    id: Number(entry.id),
    at: entry.at.toISOString(),
    user_id: entry.userId,
    api_key_id: entry.apiKeyId,
    action: entry.action,
    subject: entry.subject,
    details: entry.details,
    address: entry.address,
    request_id: entry.requestId,
  };
}

function isoOrNull(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}
