import { StowageError, type FieldError } from './stowage-error.js';

/** Codes that any route may answer. */
export type RequestErrorCode =
  | 'bad_request'
  | 'validation_failed'
  | 'not_found'
  | 'method_not_allowed'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'precondition_failed'
  | 'rate_limited'
  | 'idempotency_key_reused'
  | 'idempotency_in_progress'
  | 'service_unavailable'
  | 'internal_error';

export class RequestError extends StowageError<RequestErrorCode> {}

/** All wrong fields at once: the user mends the request in one go. */
export function validationFailed(errors: readonly FieldError[]): RequestError {
  const summary = errors.map((error) => `${error.pointer}: ${error.detail}`).join('; ');
  return new RequestError('validation_failed', `The request is not valid. ${summary}`, { errors });
}

/** Also for things that exist but belong to another user: both look alike. */
export function notFound(what: string): RequestError {
  return new RequestError('not_found', `There is no such ${what}.`);
}
