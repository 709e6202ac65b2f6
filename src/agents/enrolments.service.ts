import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { EnrolAnswer, EnrolRequest } from '../agent-protocol/messages.js';
import { hashOfKey, kindOfKey } from '../auth/api-key-format.js';
import { ApiKey } from '../auth/api-key.entity.js';
import { ApiKeys } from '../auth/api-keys.service.js';
import { type AuditOrigin, AuditLog } from '../auth/audit-log.service.js';
import { Clock } from '../config/clock.js';
import { validationFailed } from '../errors/request-errors.js';
import { Agent } from '../repositories/agent.entity.js';
import { assertNameIsFree, lockNames, nextFreeName } from './agent-names.js';
import { enrolmentRefused } from './agents-error.js';
import { EnrolmentTokens, type UsedToken } from './enrolment-tokens.service.js';
import { Evictions } from './evictions.service.js';

/** Makes agents of hosts: a token is exchanged for a key of the agent's own. */
@Injectable()
export class Enrolments {
  constructor(
    private readonly database: DataSource,
    private readonly tokens: EnrolmentTokens,
    private readonly apiKeys: ApiKeys,
    private readonly evictions: Evictions,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Uses the token up. Of two hosts with the same one, one gets in; a host that has made its own key is answered again.
   * @throws RequestError `validation_failed`; AgentsError `enrolment_refused`, or `agent_name_taken`, after which the token is still good
   */
  async enrol(origin: AuditOrigin, request: EnrolRequest): Promise<EnrolAnswer> {
    const answer = await this.database.transaction(async (manager) => {
      const token = await this.tokens.use(manager, request.token);
      if (token === undefined) return this.again(manager, request);
      if (request.api_key !== undefined) await assertNewKey(manager, request.api_key);
      const by = { ...origin, userId: token.userId };
      const agent = await this.agentOf(manager, by, token);
      const { key, row } = await this.apiKeys.createIn(manager, by, {
        userId: token.userId,
        kind: 'agent',
        name: `Agent ${agent.name}`,
        key: request.api_key,
      });
      const { hostname, platform, program_version: programVersion } = request;
      const seen = { hostname, platform, programVersion, lastSeenAt: new Date(this.clock.now()) };
      const { id, name } = await manager.save(Agent, { ...agent, ...seen, apiKeyId: row.id });
      const details = { user_id: token.userId, hostname, platform, again: token.agentId !== null };
      await this.audit.record({ ...by, action: 'agent.enrolled', subject: `agent:${id}`, details }, manager);
      return { agent_id: id, name, api_key: key };
    });
    this.evictions.takeEffect();
    return answer;
  }

  /** The answer was lost, and whoever asks has what it said. */
  private async again(manager: EntityManager, { token, api_key }: EnrolRequest): Promise<EnrolAnswer> {
    const agent = api_key === undefined ? undefined : await this.tokens.usedBy(manager, token, api_key);
    if (agent === undefined) throw enrolmentRefused();
    return { agent_id: agent.agentId, name: agent.name, api_key: api_key! };
  }

  /** A new agent, or the one whose host has lost its key: whoever had that key is out. */
  private async agentOf(
    manager: EntityManager,
    by: AuditOrigin,
    token: UsedToken,
  ): Promise<Partial<Agent> & Named> {
    const { userId, agentName, agentId, isEmbedded } = token;
    if (agentId !== null) {
      const agent = await manager.findOne(Agent, {
        where: { id: agentId },
        lock: { mode: 'pessimistic_write' },
      });
      if (agent === null || agent.removedAt !== null) throw enrolmentRefused();
      await this.evictions.evict(manager, by, agent);
      // The embedded agent is handed on when its administrator has gone.
      return { ...agent, userId };
    }
    await lockNames(manager, userId);
    if (!isEmbedded) await assertNameIsFree(manager, userId, agentName);
    const name = isEmbedded ? await nextFreeName(manager, userId, agentName) : agentName;
    return { userId, name, isEmbedded, enrolledAt: new Date(this.clock.now()), removedAt: null };
  }
}

/** A host that chooses a key which is somebody's already is refused as one that chooses none. */
async function assertNewKey(manager: EntityManager, key: string): Promise<void> {
  const isOne = kindOfKey(key) === 'agent';
  if (isOne && !(await manager.existsBy(ApiKey, { keyHash: hashOfKey(key) }))) return;
  throw validationFailed([{ pointer: '/api_key', detail: 'is no new key of an agent', code: 'agent_key' }]);
}

interface Named {
  readonly name: string;
}
