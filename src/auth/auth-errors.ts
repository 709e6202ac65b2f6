import { StowageError } from '../errors/stowage-error.js';

export type AuthErrorCode =
  /** 401. Also for malformed, unknown and revoked keys and for disabled users: they look alike. */
  | 'unauthenticated'
  /** 401. Only said to who holds a key that was valid. */
  | 'key_expired'
  /** 403. */
  | 'forbidden'
  /** 403. A change with the cookie of a browser that does not come from our own pages. */
  | 'cross_site_request'
  /** 410. */
  | 'setup_link_invalid'
  /** 409. Nobody would be left who can administer. */
  | 'last_admin';

export class AuthError extends StowageError<AuthErrorCode> {}

/** One sentence for all reasons: an answer must not tell which keys exist. */
export function unauthenticated(): AuthError {
  return new AuthError(
    'unauthenticated',
    'This needs a valid API key: send it as Authorization: Bearer stw_…',
  );
}

export function keyExpired(): AuthError {
  return new AuthError('key_expired', 'This API key has expired. Make a new one and use that.');
}

export function forbidden(): AuthError {
  return new AuthError('forbidden', 'This API key does not have the scope that this needs.');
}

export function crossSiteRequest(): AuthError {
  return new AuthError(
    'cross_site_request',
    'Changes with the session cookie are only taken from pages of this server. Programs send an API key as ' +
      'Authorization: Bearer instead.',
  );
}

export function setupLinkInvalid(): AuthError {
  return new AuthError(
    'setup_link_invalid',
    'This setup link was used or is older than 30 minutes. Restart the server, or run `npm run admin -- setup-link`, ' +
      'and open the new link.',
  );
}

export function lastAdmin(): AuthError {
  return new AuthError(
    'last_admin',
    'Nobody could administer this server afterwards. Give another user an admin key first.',
  );
}
