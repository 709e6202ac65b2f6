import { RequestError } from '../errors/request-errors.js';

const SHA_256 = /(?:^|,)\s*sha-256\s*=\s*([^,]*)/i;

/**
 * The SHA-256 that a client declares of its body in Repr-Digest or Content-Digest (RFC 9530), as 64 hex digits.
 * Other algorithms are not looked at.
 * @throws RequestError `bad_request` for one that is no SHA-256
 */
export function declaredSha256(header: string | undefined): string | undefined {
  const value = SHA_256.exec(header ?? '')?.[1]?.trim();
  if (value === undefined) return undefined;
  const bytes = Buffer.from(/^:([A-Za-z0-9+/]{43}=):$/.exec(value)?.[1] ?? '', 'base64');
  if (bytes.length === 32) return bytes.toString('hex');
  throw new RequestError(
    'bad_request',
    'The digest must be sha-256=:…: with 44 characters of base64 (RFC 9530).',
  );
}
