import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { OFFLINE_AFTER_SECONDS } from '../../agent-protocol/protocol.js';
import { Config } from '../../config/config.js';
import { Statements } from '../../database/statements.js';
import { EnrolmentTokens } from '../enrolment-tokens.service.js';

const NAME = 'this-server';
const TOKEN_MS = 5 * 60_000;

/** Who the agent on the server's own machine is: whether it is enrolled, and as whom it may. */
@Injectable()
export class EmbeddedIdentity {
  constructor(
    private readonly statements: Statements,
    private readonly tokens: EnrolmentTokens,
    private readonly config: Config,
  ) {}

  get dataDir(): string {
    return join(this.config.dataDir, 'agent');
  }

  /** Whether what lies in its folder is still good; not after the database was replaced by another. */
  async isEnrolled(): Promise<boolean> {
    const agentId = await this.storedId();
    if (agentId === undefined) return false;
    const rows = await this.statements.query(FIND_VALID, [agentId]);
    return rows.length > 0;
  }

  /**
   * A token for the first administrator's agent. It becomes the agent that this machine had, when the folder was lost or
   * its key is not accepted any more.
   * @returns undefined while there is no administrator
   */
  async issueToken(): Promise<string | undefined> {
    const [administrator] = await this.statements.query<{ userId: number }>(FIRST_ADMINISTRATOR, []);
    if (administrator === undefined) return undefined;
    const stored = (await this.storedId()) ?? null;
    const [agent] = await this.statements.query<{ id: string; name: string }>(FIND_OURS, [
      ...[stored, hostname(), OFFLINE_AFTER_SECONDS],
    ]);
    const { userId } = administrator;
    const what = { userId, agentName: agent?.name ?? NAME, agentId: agent?.id, isEmbedded: true };
    return (await this.tokens.issue({}, { ...what, validMs: TOKEN_MS })).token;
  }

  /** As the agent itself has written it down. */
  private async storedId(): Promise<string | undefined> {
    try {
      const text = await readFile(join(this.dataDir, 'agent.json'), 'utf8');
      const { agent_id: id } = JSON.parse(text) as { agent_id?: unknown };
      return typeof id === 'string' && UUID.test(id) ? id : undefined;
    } catch {
      // Missing or damaged: it is enrolled anew, and the agent says what is wrong when it cannot be written.
      return undefined;
    }
  }
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

const FIND_VALID = {
  name: 'embedded_agent_find_valid',
  text: `
    SELECT 1 FROM agents a JOIN api_keys k ON k.id = a.api_key_id JOIN users u ON u.id = k.user_id
      WHERE a.id = $1 AND a.is_embedded AND a.removed_at IS NULL AND k.revoked_at IS NULL AND u.disabled_at IS NULL`,
};

const FIRST_ADMINISTRATOR = {
  name: 'embedded_agent_first_administrator',
  text: `
    SELECT u.id AS "userId" FROM users u
      WHERE u.disabled_at IS NULL AND EXISTS (
        SELECT 1 FROM api_keys k WHERE k.user_id = u.id AND k.kind = 'admin' AND k.revoked_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > now()))
      ORDER BY u.id LIMIT 1`,
};

/** By what its folder says; or one of this machine of which nobody has heard for a while. */
const FIND_OURS = {
  name: 'embedded_agent_find_ours',
  text: `
    SELECT id, name FROM agents
      WHERE is_embedded AND removed_at IS NULL
        AND (id = $1::uuid OR (hostname = $2 AND last_seen_at < now() - make_interval(secs => $3)))
      ORDER BY id = $1::uuid DESC NULLS LAST, enrolled_at LIMIT 1`,
};
