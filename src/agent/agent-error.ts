import { StowageError, type StowageErrorOptions } from '../errors/stowage-error.js';

/** What goes wrong on the host itself; a server's refusals keep the server's codes. */
export const AGENT_ERROR_CODES = [
  'usage',
  'not_enrolled',
  'already_enrolled',
  'unsafe_settings',
  'agent_not_running',
  'agent_running',
  'server_unreachable',
  'server_answer_invalid',
  'workspace_not_found',
  'target_forbidden',
  'path_refused',
  'declined',
] as const;

export type AgentErrorCode = (typeof AGENT_ERROR_CODES)[number];

export class AgentError extends StowageError<AgentErrorCode> {}

/** A server's refusal, by its problem+json. `code` is one of docs/errors.md; a newer server may know others. */
export class ServerRefusal extends StowageError {
  readonly status: number;

  constructor(code: string, message: string, status: number, options: StowageErrorOptions = {}) {
    super(code, message, options);
    this.status = status;
  }
}

/** The stable code of any error that has one: of a server, a storage, the engine or the system. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The sentence of an error, for people; what to do about it included where it is known. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint: unknown = (error as { hint?: unknown }).hint;
  return typeof hint === 'string' && hint !== '' ? `${error.message} ${hint}` : error.message;
}
