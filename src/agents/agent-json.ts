import { OFFLINE_AFTER_SECONDS } from '../agent-protocol/protocol.js';
import type { AgentDto } from './agents.dto.js';
import type { SeenAgent } from './agents.service.js';

export function agentJson(agent: SeenAgent, nowMs: number): AgentDto {
  const { id, name, hostname, platform, is_embedded, workspaces } = agent;
  const isOnline =
    agent.last_seen_at !== null && nowMs - agent.last_seen_at.getTime() <= OFFLINE_AFTER_SECONDS * 1_000;
  return {
    id,
    name,
    state: isOnline ? 'online' : 'offline',
    last_seen_at: agent.last_seen_at?.toISOString() ?? null,
    hostname,
    platform,
    version: agent.program_version,
    is_embedded,
    workspaces,
    enrolled_at: agent.enrolled_at.toISOString(),
  };
}
