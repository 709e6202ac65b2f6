import { type EnrolmentRejection, PROTOCOL_HEADER, PROTOCOL_VERSION } from '../agent-protocol/protocol.js';
import { StowageError } from '../errors/stowage-error.js';

/** `enrolment_refused` also for malformed, unknown, used and expired tokens: they look alike. */
export type AgentsErrorCode =
  | EnrolmentRejection
  /** 409. */
  | 'agent_in_use'
  /** 409. */
  | 'agent_name_taken'
  /** 409. */
  | 'agent_is_embedded'
  /** 409. */
  | 'too_many_restores';

export class AgentsError extends StowageError<AgentsErrorCode> {}

export function unsupportedProtocol(): AgentsError {
  return new AgentsError(
    'unsupported_protocol',
    `This server speaks version ${PROTOCOL_VERSION} of the agents' protocol, to be named in the header ` +
      `${PROTOCOL_HEADER}. Install the agent of the same release as the server.`,
  );
}

/** One sentence for all reasons: an answer must not tell which tokens exist. */
export function enrolmentRefused(): AgentsError {
  return new AgentsError(
    'enrolment_refused',
    'This enrolment token is not complete, was used, or has expired. Make another one with ' +
      'POST /api/v1/agents/enrolment-tokens and enrol with that.',
  );
}

export function agentRemoved(): AgentsError {
  return new AgentsError(
    'agent_removed',
    'No agent has this key: it was removed, or its host was enrolled again. Make an enrolment token and enrol anew.',
  );
}

/** @param workspaces names of some of them */
export function agentInUse(count: number, workspaces: readonly string[]): AgentsError {
  const named = workspaces.join(', ') + (count > workspaces.length ? ', …' : '');
  return new AgentsError(
    'agent_in_use',
    `This agent protects ${count} ${count === 1 ? 'workspace' : 'workspaces'} (${named}). Move or delete them first; or ` +
      'remove it all the same with ?force=true: they keep their snapshots and get no new ones until they are moved.',
  );
}

export function agentNameTaken(name: string): AgentsError {
  return new AgentsError(
    'agent_name_taken',
    `You have an agent called ${name}. Choose another name, or let that agent's host enrol again with ` +
      'POST /api/v1/agents/:id/enrolment-tokens.',
  );
}

export function agentIsEmbedded(): AgentsError {
  return new AgentsError(
    'agent_is_embedded',
    'The server runs this agent itself. Its operator does without it by setting EMBEDDED_AGENT=false.',
  );
}

export function tooManyRestores(limit: number): AgentsError {
  return new AgentsError(
    'too_many_restores',
    `This agent has ${limit} restores that have not ended. Wait for one of them, or cancel one.`,
  );
}
