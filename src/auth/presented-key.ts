import { kindOfKey } from './api-key-format.js';
import { unauthenticated } from './auth-errors.js';
import { SESSION_COOKIE } from './session-cookie.js';

/** The key that a request carries, well-formed; whether it is valid is not known yet. */
export interface PresentedKey {
  readonly key: string;
  /** Browsers send cookies on their own, also when another site made them send the request. */
  readonly fromCookie: boolean;
}

/** `Bearer` in any letter case (RFC 9110, 11.1), then one token of visible characters. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i;

/**
 * Reads `Authorization: Bearer` or, without that header, the session cookie. Session keys are only taken from the
 * cookie and others only from the header, so that a stolen key of one kind cannot be used in the way of the other.
 * @param rawHeaders names and values alternating, as they arrived: Node would hide a second Authorization
 * @throws AuthError `unauthenticated`, before any lookup, when there is no well-formed key or more than one
 */
export function presentedKey(rawHeaders: readonly string[]): PresentedKey {
  const authorizations = valuesOf('authorization', rawHeaders);
  if (authorizations.length > 1) throw unauthenticated();
  const [authorization] = authorizations;
  const key = authorization === undefined ? sessionIn(rawHeaders) : BEARER.exec(authorization)?.[1];
  const fromCookie = authorization === undefined;
  const kind = key === undefined ? undefined : kindOfKey(key);
  if (key === undefined || kind === undefined || (kind === 'session') !== fromCookie) throw unauthenticated();
  return { key, fromCookie };
}

/** Two cookies of the name mean that somebody else set one: neither is believed. */
function sessionIn(rawHeaders: readonly string[]): string | undefined {
  const sessions = valuesOf('cookie', rawHeaders)
    .flatMap((header) => header.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${SESSION_COOKIE}=`))
    .map((pair) => pair.slice(SESSION_COOKIE.length + 1));
  return sessions.length === 1 ? sessions[0] : undefined;
}

function valuesOf(name: string, rawHeaders: readonly string[]): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.toLowerCase() === name) values.push(rawHeaders[index + 1]!);
  }
  return values;
}
