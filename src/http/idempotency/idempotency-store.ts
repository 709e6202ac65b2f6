import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Statements } from '../../database/statements.js';
import type { IdempotencyClaim } from '../../rest/idempotency-claim.decorator.js';

/** A claim and the attempt that holds it: only the holder may store an answer or let go. */
export interface HeldClaim extends IdempotencyClaim {
  readonly attempt: string;
}

/** `body` is sealed. */
export interface StoredRow {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly claim: HeldClaim }
  | { readonly kind: 'answered'; readonly row: StoredRow }
  | { readonly kind: 'in_progress' }
  | { readonly kind: 'other_request' };

/** A holder that does not renew for this long has crashed. */
export const LEASE_SECONDS = 60;
/** How long an answer is kept. */
const KEPT = `interval '24 hours'`;
const LEASE = `interval '${LEASE_SECONDS} seconds'`;

/** A UUID of version 8 (RFC 9562): the same in every attempt, another one when the key is used again later. */
const OPERATION_ID = `overlay(overlay(
    md5(concat_ws(' ', user_id, key, extract(epoch FROM created_at))) PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid`;

/** Takes a free key, one whose answer is too old, or one whose holder of the same request crashed. */
const CLAIM = {
  name: 'idempotency_claim',
  text: `
    INSERT INTO idempotency_keys AS k (user_id, key, fingerprint, state, attempt, locked_until)
    VALUES ($1, $2, $3, 'in_progress', $4, now() + ${LEASE})
    ON CONFLICT (user_id, key) DO UPDATE SET
      fingerprint = excluded.fingerprint, state = 'in_progress', attempt = excluded.attempt,
      locked_until = excluded.locked_until, status = NULL, headers = NULL, body = NULL,
      created_at = CASE WHEN k.created_at < now() - ${KEPT} THEN now() ELSE k.created_at END
    WHERE (k.state = 'done' AND k.created_at < now() - ${KEPT})
       OR (k.state = 'in_progress' AND k.locked_until <= now()
           AND (k.fingerprint = excluded.fingerprint OR k.created_at < now() - ${KEPT}))
    RETURNING created_at < now() AS resumed,
      ${OPERATION_ID} AS operation_id`,
};
const READ = {
  name: 'idempotency_read',
  text: `SELECT fingerprint = $3 AS same, state, status, headers, body FROM idempotency_keys WHERE user_id = $1 AND key = $2`,
};
const COMPLETE = {
  name: 'idempotency_complete',
  text: `
    UPDATE idempotency_keys SET state = 'done', status = $4, headers = $5, body = $6
    WHERE user_id = $1 AND key = $2 AND attempt = $3 AND state = 'in_progress'`,
};
const RELEASE = {
  name: 'idempotency_release',
  text: `DELETE FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND attempt = $3 AND state = 'in_progress'`,
};
const ABANDON = {
  name: 'idempotency_abandon',
  text: `
    UPDATE idempotency_keys SET locked_until = now()
    WHERE user_id = $1 AND key = $2 AND attempt = $3 AND state = 'in_progress'`,
};
const RENEW = {
  name: 'idempotency_renew',
  text: `
    UPDATE idempotency_keys SET locked_until = now() + ${LEASE}
    FROM unnest($1::integer[], $2::text[], $3::uuid[]) AS held (user_id, key, attempt)
    WHERE idempotency_keys.user_id = held.user_id AND idempotency_keys.key = held.key
      AND idempotency_keys.attempt = held.attempt AND state = 'in_progress'`,
};
const DROP_OLD = {
  name: 'idempotency_drop_old',
  text: `DELETE FROM idempotency_keys WHERE created_at < now() - ${KEPT} AND locked_until < now()`,
};

/** The table `idempotency_keys`. Time is the database's, so that replicas agree. */
@Injectable()
export class IdempotencyStore {
  constructor(private readonly statements: Statements) {}

  async claim(userId: number, key: string, fingerprint: Buffer): Promise<ClaimOutcome> {
    const attempt = randomUUID();
    const claimed = await this.statements.query<{ resumed: boolean; operation_id: string }>(CLAIM, [
      userId,
      key,
      fingerprint,
      attempt,
    ]);
    const row = claimed[0];
    if (!row) return this.read(userId, key, fingerprint);
    const { resumed, operation_id: operationId } = row;
    return { kind: 'claimed', claim: { userId, key, attempt, operationId, resumed } };
  }

  /** @param sealedBody the answer's body, sealed for its caller */
  async complete(claim: HeldClaim, row: StoredRow): Promise<void> {
    const headers = JSON.stringify(row.headers);
    await this.statements.query(COMPLETE, [
      claim.userId,
      claim.key,
      claim.attempt,
      row.status,
      headers,
      row.body,
    ]);
  }

  /** The request changed nothing: its key is free again. */
  async release(claim: HeldClaim): Promise<void> {
    await this.statements.query(RELEASE, [claim.userId, claim.key, claim.attempt]);
  }

  /** The request failed and may have changed something: the next attempt is a resumed one of the same operation. */
  async abandon(claim: HeldClaim): Promise<void> {
    await this.statements.query(ABANDON, [claim.userId, claim.key, claim.attempt]);
  }

  async renew(claims: readonly HeldClaim[]): Promise<void> {
    await this.statements.query(RENEW, [
      claims.map((claim) => claim.userId),
      claims.map((claim) => claim.key),
      claims.map((claim) => claim.attempt),
    ]);
  }

  async dropOld(): Promise<void> {
    await this.statements.query(DROP_OLD, []);
  }

  private async read(userId: number, key: string, fingerprint: Buffer): Promise<ClaimOutcome> {
    const rows = await this.statements.query<StoredRow & { same: boolean; state: string }>(READ, [
      userId,
      key,
      fingerprint,
    ]);
    const row = rows[0];
    if (row && !row.same) return { kind: 'other_request' };
    // Freed between the two statements: the client's next try gets it.
    if (row?.state !== 'done') return { kind: 'in_progress' };
    return { kind: 'answered', row };
  }
}
