import { Injectable } from '@nestjs/common';
import type { DesiredState } from '../../agent-protocol/messages.js';
import { StopSignal } from '../../config/stop-signal.js';
import type { CallingAgent } from '../calling-agents.service.js';
import { AgentPresence, type HostFacts } from './agent-presence.service.js';
import { AgentWishes } from './agent-wishes.service.js';
import { DesiredStates } from './desired-states.service.js';

export interface Sync extends HostFacts {
  readonly revision?: string;
  readonly wait_seconds: number;
}

/** Tells agents what is wanted of them, as soon as it is something else. */
@Injectable()
export class Syncs {
  constructor(
    private readonly states: DesiredStates,
    private readonly wishes: AgentWishes,
    private readonly presence: AgentPresence,
    private readonly stopping: StopSignal,
  ) {}

  /**
   * Answers at once when something else is wanted than in `revision`, otherwise as soon as that is so, and after
   * `wait_seconds` at the latest.
   * @param signal aborts when the client has gone
   * @throws AgentsError `agent_removed`
   */
  async sync(agent: CallingAgent, sync: Sync, signal: AbortSignal): Promise<DesiredState> {
    await this.presence.describe(agent, sync);
    const deadlineMs = performance.now() + sync.wait_seconds * 1_000;
    for (;;) {
      const leftMs = deadlineMs - performance.now();
      const wait = this.wishes.begin(agent.id, Math.max(0, leftMs), signal);
      try {
        const state = await this.states.of(agent.id);
        const isLast = leftMs <= 0 || signal.aborted || this.stopping.signal.aborted;
        if (state.revision !== sync.revision || isLast) return state;
        if ((await wait.over) === 'superseded') return state;
      } finally {
        wait.end();
      }
    }
  }
}
