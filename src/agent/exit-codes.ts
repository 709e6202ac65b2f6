import { codeOf } from './agent-error.js';

/** As restic's, so that scripts around restic understand them; from 13 on our own. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Some of it could not be read or written; the rest is done. */
  partial: 3,
  noRepository: 10,
  locked: 11,
  wrongKey: 12,
  /** Not enrolled, removed, or a key that is not accepted. */
  unauthorised: 13,
  /** The server or the bucket cannot be reached. */
  network: 14,
  usage: 64,
  cancelled: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const EXIT_OF_CODE: Readonly<Record<string, ExitCode>> = {
  usage: EXIT.usage,
  repository_not_found: EXIT.noRepository,
  repository_locked: EXIT.locked,
  lease_held: EXIT.locked,
  lease_lost: EXIT.locked,
  agent_running: EXIT.locked,
  wrong_password: EXIT.wrongKey,
  not_enrolled: EXIT.unauthorised,
  enrolment_refused: EXIT.unauthorised,
  agent_removed: EXIT.unauthorised,
  unsafe_settings: EXIT.unauthorised,
  unauthenticated: EXIT.unauthorised,
  forbidden: EXIT.unauthorised,
  key_expired: EXIT.unauthorised,
  server_unreachable: EXIT.network,
  server_answer_invalid: EXIT.network,
  endpoint_unreachable: EXIT.network,
  service_unavailable: EXIT.network,
  storage_rate_limited: EXIT.network,
  provider_error: EXIT.network,
  access_denied: EXIT.network,
  cancelled: EXIT.cancelled,
  aborted: EXIT.cancelled,
};

/** How a process ends after this error. */
export function exitCodeOf(error: unknown): ExitCode {
  return exitCodeOfCode(codeOf(error));
}

export function exitCodeOfCode(code: string | null | undefined): ExitCode {
  return EXIT_OF_CODE[code ?? ''] ?? EXIT.failed;
}

/** Of a run or a restore, by how it ended. */
export function exitCodeOfState(state: string, code: string | null | undefined): ExitCode {
  if (state === 'partial') return EXIT.partial;
  if (state === 'cancelled') return EXIT.cancelled;
  return state === 'failed' ? exitCodeOfCode(code) : EXIT.done;
}
