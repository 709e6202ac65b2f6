import type { AgentsErrorCode } from '../agents/agents-error.js';
import type { ProblemKind } from './problem-kind.js';

export const AGENT_PROBLEMS: Readonly<Record<AgentsErrorCode, ProblemKind>> = {
  unsupported_protocol: {
    status: 400,
    title: 'Unsupported protocol',
    meaning: 'The agent speaks a version of the protocol that this server does not, or names none.',
    action: 'Install the agent of the same release as the server.',
  },
  enrolment_refused: {
    status: 403,
    title: 'Enrolment refused',
    meaning:
      'The enrolment token is not complete, was used, or has expired. Unknown and used tokens look alike.',
    action: 'Make another token with `POST /api/v1/agents/enrolment-tokens` and enrol with that.',
  },
  agent_removed: {
    status: 403,
    title: 'Agent removed',
    meaning: 'No agent has this key: it was removed, or its host was enrolled again.',
    action: 'Make an enrolment token and enrol the host anew.',
  },
  agent_in_use: {
    status: 409,
    title: 'Agent in use',
    meaning: 'Workspaces are assigned to the agent that was to be removed.',
    action: 'Move or delete them first, or remove it all the same with `?force=true`.',
  },
  agent_name_taken: {
    status: 409,
    title: 'Agent name taken',
    meaning: 'Another agent of the same user has this name.',
    action: 'Choose another name; for the same host again use `POST /api/v1/agents/{id}/enrolment-tokens`.',
  },
  agent_is_embedded: {
    status: 409,
    title: 'Agent is embedded',
    meaning: 'The server runs this agent itself, on its own machine.',
    action: 'Its operator does without it by setting `EMBEDDED_AGENT=false`.',
  },
  too_many_restores: {
    status: 409,
    title: 'Too many restores',
    meaning: 'The agent has as many restores that have not ended as it may have.',
    action: 'Wait for one of them, or cancel one.',
  },
};
