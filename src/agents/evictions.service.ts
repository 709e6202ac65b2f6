import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ApiKey } from '../auth/api-key.entity.js';
import { ApiKeys } from '../auth/api-keys.service.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import type { Agent } from '../repositories/agent.entity.js';
import { AgentNudges } from './agent-nudges.service.js';
import { CallingAgents } from './calling-agents.service.js';

/** Shuts agents out: their key is refused and their leases have ended, so that nothing they began can be committed. */
@Injectable()
export class Evictions {
  constructor(
    private readonly apiKeys: ApiKeys,
    private readonly agents: CallingAgents,
    private readonly nudges: AgentNudges,
  ) {}

  /** `takeEffect` must follow when the transaction is committed. */
  async evict(manager: EntityManager, origin: AuditOrigin, agent: Agent): Promise<void> {
    const key = await manager.findOne(ApiKey, {
      where: { id: agent.apiKeyId },
      lock: { mode: 'pessimistic_write' },
    });
    if (key !== null) await this.apiKeys.revokeIn(manager, origin, key);
    await manager.query(END_LEASES, [agent.id]);
    await this.nudges.nudge(manager, agent.id);
  }

  /** At once in this process; in others within a second. */
  takeEffect(): void {
    this.apiKeys.forgetRevoked();
    this.agents.forgetAll();
  }
}

/** The rows stay: fencing numbers never repeat. */
const END_LEASES = 'UPDATE leases SET expires_at = now() WHERE agent_id = $1 AND expires_at > now()';
