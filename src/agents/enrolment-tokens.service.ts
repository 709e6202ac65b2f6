import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, LessThan } from 'typeorm';
import { hashOfKey } from '../auth/api-key-format.js';
import { type AuditOrigin, AuditLog } from '../auth/audit-log.service.js';
import { Clock } from '../config/clock.js';
import { assertNameIsFree } from './agent-names.js';
import { EnrolmentToken } from './enrolment-token.entity.js';
import { isWholeEnrolmentToken, newEnrolmentToken } from './enrolment-token.js';

export interface NewEnrolmentToken {
  readonly userId: number;
  /** Of the agent that will be, or that is. */
  readonly agentName: string;
  readonly validMs: number;
  /** The agent whose host lost its key: it stays the same agent and gets another key. */
  readonly agentId?: string;
  readonly isEmbedded?: boolean;
}

export interface IssuedToken {
  readonly id: string;
  /** Shown once. */
  readonly token: string;
  readonly expiresAt: Date;
}

export interface UsedToken {
  readonly userId: number;
  readonly agentName: string;
  readonly agentId: string | null;
  readonly isEmbedded: boolean;
}

export interface EnrolledAgent {
  readonly agentId: string;
  readonly name: string;
}

/** Tokens that ended longer ago than this are forgotten. */
const KEPT_AFTER_END_MS = 7 * 24 * 60 * 60 * 1_000;

/** What somebody carries to a host, once, so that an agent there gets a key of its own. */
@Injectable()
export class EnrolmentTokens {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** @throws AgentsError `agent_name_taken` */
  issue(origin: AuditOrigin, wanted: NewEnrolmentToken): Promise<IssuedToken> {
    const { userId, agentName, agentId = null, isEmbedded = false, validMs } = wanted;
    const token = newEnrolmentToken();
    const nowMs = this.clock.now();
    const expiresAt = new Date(nowMs + validMs);
    return this.database.transaction(async (manager) => {
      if (agentId === null && !isEmbedded) await assertNameIsFree(manager, userId, agentName);
      await manager.delete(EnrolmentToken, { expiresAt: LessThan(new Date(nowMs - KEPT_AFTER_END_MS)) });
      const { id } = await manager.save(EnrolmentToken, {
        ...{ userId, agentName, agentId, isEmbedded, expiresAt },
        tokenHash: hashOfKey(token),
        createdAt: new Date(nowMs),
        usedAt: null,
      });
      const details = { user_id: userId, agent_name: agentName, agent_id: agentId, expires_at: expiresAt };
      const subject = `enrolment_token:${id}`;
      await this.audit.record({ ...origin, action: 'enrolment_token.created', subject, details }, manager);
      return { id, token, expiresAt };
    });
  }

  /**
   * Of two that use the same token at the same time, the second waits for the first one's transaction.
   * @returns undefined when it is used, has expired, or never was one
   */
  async use(manager: EntityManager, token: string): Promise<UsedToken | undefined> {
    if (!isWholeEnrolmentToken(token)) return undefined;
    const values = [hashOfKey(token), new Date(this.clock.now())];
    const [rows] = await manager.query<[UsedToken[], number]>(USE, values);
    return rows[0];
  }

  /** The agent that has this key, if this token was used by the same user. */
  async usedBy(manager: EntityManager, token: string, apiKey: string): Promise<EnrolledAgent | undefined> {
    const [agent] = await manager.query<EnrolledAgent[]>(USED_BY, [hashOfKey(token), hashOfKey(apiKey)]);
    return agent;
  }
}

const USE = `
  UPDATE enrolment_tokens t SET used_at = $2 FROM users u
    WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > $2
      AND u.id = t.user_id AND u.disabled_at IS NULL
    RETURNING t.user_id AS "userId", agent_name AS "agentName", agent_id AS "agentId", is_embedded AS "isEmbedded"`;

const USED_BY = `
  SELECT a.id AS "agentId", a.name FROM enrolment_tokens t
    JOIN users u ON u.id = t.user_id AND u.disabled_at IS NULL
    JOIN api_keys k ON k.user_id = t.user_id AND k.key_hash = $2 AND k.kind = 'agent' AND k.revoked_at IS NULL
    JOIN agents a ON a.api_key_id = k.id AND a.removed_at IS NULL
    WHERE t.token_hash = $1 AND t.used_at IS NOT NULL`;
