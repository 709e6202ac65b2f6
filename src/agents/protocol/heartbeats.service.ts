import { Injectable } from '@nestjs/common';
import type { Heartbeat, HeartbeatAnswer } from '../../agent-protocol/messages.js';
import { Leases } from '../../repositories/leases.service.js';
import type { CallingAgent } from '../calling-agents.service.js';
import { AgentPresence } from './agent-presence.service.js';
import { DesiredStates } from './desired-states.service.js';
import { RestoreReports } from './restore-reports.service.js';
import { RunReports } from './run-reports.service.js';

/** Takes in what agents tell every few seconds. One that tells nothing new costs two statements. */
@Injectable()
export class Heartbeats {
  constructor(
    private readonly presence: AgentPresence,
    private readonly leases: Leases,
    private readonly runs: RunReports,
    private readonly restores: RestoreReports,
    private readonly states: DesiredStates,
  ) {}

  /** @throws AgentsError `agent_removed` */
  async beat(agent: CallingAgent, { runs, restores, leases }: Heartbeat): Promise<HeartbeatAnswer> {
    this.presence.heard(agent.id);
    // Leases first: time runs against them.
    const renewed = leases.length === 0 ? [] : await this.leases.renew(agent.id, leases);
    await this.runs.takeIn(agent.id, runs);
    await this.restores.takeIn(agent.id, restores);
    const { revision } = await this.states.of(agent.id);
    return { leases: renewed, revision };
  }
}
