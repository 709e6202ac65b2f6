/**
 * Whether PostgreSQL could not be reached, or went away: the same work may succeed in a moment. Everything else is
 * the statement's own fault.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return NETWORK_ERRORS.has(code) || SQL_STATES.test(code);
  return typeof message === 'string' && MESSAGES.test(message);
}

const NETWORK_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Connection exceptions, shutdown and start of the server, too many connections (PostgreSQL, appendix A). */
const SQL_STATES = /^(?:08\w{3}|57P0[1235]|53300)$/;

/** Errors of node-postgres and its pool that have no code. */
const MESSAGES =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;
