import { validationFailed } from '../../errors/request-errors.js';
import { DEFAULT_SHARE_SECONDS } from './share-limits.js';

/** When a share shall end, as its maker says it: at most one of both. */
export interface WantedEnd {
  readonly expires_in_seconds?: number;
  /** null: never. */
  readonly expires_at?: string | null;
}

/**
 * @returns null: it lasts until it is revoked
 * @throws RequestError `validation_failed`
 */
export function shareEnd(wanted: WantedEnd, nowMs: number): Date | null {
  const { expires_in_seconds: seconds, expires_at: moment } = wanted;
  if (seconds !== undefined && moment !== undefined)
    throw invalidEnd('cannot be given with expires_in_seconds');
  if (moment === null) return null;
  if (moment === undefined) return new Date(nowMs + (seconds ?? DEFAULT_SHARE_SECONDS) * 1_000);
  const end = new Date(moment);
  // Asked this way round, it also catches an invalid date.
  if (!(end.getTime() > nowMs)) throw invalidEnd('must be in the future');
  return end;
}

function invalidEnd(detail: string) {
  return validationFailed([{ pointer: '/expires_at', detail, code: 'invalid_expiry' }]);
}
