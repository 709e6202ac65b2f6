import { hostname } from 'node:os';
import type { EnrolAnswer } from '../../src/agent-protocol/messages.ts';
import { AGENT_PATHS } from '../../src/agent-protocol/protocol.ts';
import { apiOf, type Ask } from './api.ts';

/** One agent with one workspace, as its host knows it. */
export interface EnrolledAgent {
  readonly agentId: string;
  readonly apiKey: string;
  readonly workspaceId: string;
}

/** Of agents that are enrolled at the same time. */
const AT_ONCE = 8;

export interface EnrolmentOptions {
  readonly url: string;
  readonly ask: Ask;
  readonly agents: number;
  readonly intervalSeconds: number;
}

/** Enrols agents and gives each a workspace, as their owner would. */
export async function enrolAgents(options: EnrolmentOptions): Promise<EnrolledAgent[]> {
  const numbers = Array.from({ length: options.agents }, (_, index) => index + 1);
  const enrolled: EnrolledAgent[] = [];
  const enrolNext = async (): Promise<void> => {
    for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
      const name = `host-${number}`;
      const { agent_id: agentId, api_key: apiKey } = await enrolAgent(options, name);
      const wanted = {
        name,
        path: `/srv/${name}`,
        agent_id: agentId,
        interval_seconds: options.intervalSeconds,
      };
      const { id: workspaceId } = await options.ask<{ id: string }>('POST', '/api/v1/workspaces', wanted);
      enrolled.push({ agentId, apiKey, workspaceId });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, enrolNext));
  return enrolled;
}

async function enrolAgent({ url, ask }: EnrolmentOptions, name: string): Promise<EnrolAnswer> {
  const { token } = await ask<{ token: string }>('POST', '/api/v1/agents/enrolment-tokens', { name });
  const host = { hostname: hostname(), platform: 'linux x64', program_version: 'bench' };
  return apiOf(url, undefined)<EnrolAnswer>('POST', AGENT_PATHS.enrol, { token, ...host });
}
