import { verify } from 'node:crypto';
import { canonicalRequest, parseTimestamp, sha256Hex } from '../canonical-request.js';
import { parameter, type RawRequest } from '../raw-request.js';
import { GcsFault, gcsFaults } from './gcs-fault.js';
import { permits, type GcsPermission, type ServiceAccount } from './service-accounts.js';
import type { TokenEndpoint } from './token-endpoint.js';

const ALGORITHM = 'GOOG4-RSA-SHA256';
const MAX_EXPIRY_SECONDS = 7 * 24 * 3600;
const MAX_AHEAD_MS = 15 * 60_000;

/** Who asks; `undefined` account is nobody. */
export interface Caller {
  readonly account: ServiceAccount | undefined;
  readonly mayWrite: boolean;
}

/**
 * Reads a Bearer token or a V4 signature in the query.
 * @throws GcsFault for anything presented that is not valid; nothing presented is an anonymous caller
 */
export function identify(
  request: RawRequest,
  accounts: readonly ServiceAccount[],
  tokens: TokenEndpoint,
  nowMs: number,
): Caller {
  if (parameter(request, 'X-Goog-Algorithm') !== undefined) {
    return { account: verifySignedUrl(request, accounts, nowMs), mayWrite: true };
  }
  const header = request.headers['authorization'];
  if (header === undefined) return { account: undefined, mayWrite: false };
  const token = /^Bearer (\S+)$/.exec(header)?.[1];
  const issued = token === undefined ? undefined : tokens.find(token, nowMs);
  if (!issued) throw gcsFaults.badToken();
  const writing = ['cloud-platform', 'devstorage.full_control', 'devstorage.read_write'];
  return {
    account: issued.account,
    mayWrite: issued.scopes.some((scope) => writing.some((name) => scope.endsWith(`/auth/${name}`))),
  };
}

/** @throws GcsFault 401 for nobody, 403 naming the missing permission for somebody */
export function assertPermitted(caller: Caller, permission: GcsPermission): void {
  if (!caller.account) throw gcsFaults.anonymous(permission);
  const reading = /\.(get|list|listParts)$/.test(permission);
  if (!reading && !caller.mayWrite) throw gcsFaults.scopeTooNarrow();
  if (!permits(caller.account, permission))
    throw gcsFaults.forbidden(caller.account.key.client_email, permission);
}

function verifySignedUrl(
  request: RawRequest,
  accounts: readonly ServiceAccount[],
  nowMs: number,
): ServiceAccount {
  const field = (name: string) => parameter(request, name) ?? '';
  const [email, date, , service, terminator] = field('X-Goog-Credential').split('/');
  const signedAtMs = parseTimestamp(field('X-Goog-Date'));
  const expiresSeconds = Number(field('X-Goog-Expires'));
  const sound =
    field('X-Goog-Algorithm') === ALGORITHM &&
    service === 'storage' &&
    terminator === 'goog4_request' &&
    signedAtMs !== undefined &&
    field('X-Goog-Date').startsWith(date ?? '?') &&
    Number.isInteger(expiresSeconds) &&
    expiresSeconds > 0 &&
    expiresSeconds <= MAX_EXPIRY_SECONDS;
  if (!sound) throw malformed('X-Goog-Credential, X-Goog-Date or X-Goog-Expires');
  if (nowMs > signedAtMs + expiresSeconds * 1000 || signedAtMs > nowMs + MAX_AHEAD_MS) {
    const at = new Date(signedAtMs + expiresSeconds * 1000).toISOString().replace(/\.\d+Z/, '+00:00');
    throw new GcsFault(400, 'invalid', 'The provided token has expired.', {
      code: 'ExpiredToken',
      message: 'Invalid argument.',
      details: { Details: `The provided token has expired. Request signature expired at: ${at}` },
    });
  }
  const account = accounts.find(({ key }) => key.client_email === email);
  const signedHeaders = field('X-Goog-SignedHeaders').split(';');
  assertHeadersSigned(request, signedHeaders);
  const payload = request.headers['x-goog-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
  const canonical = canonicalRequest(request, signedHeaders, payload, 'X-Goog-Signature');
  const scope = field('X-Goog-Credential').split('/').slice(1).join('/');
  const toSign = [ALGORITHM, field('X-Goog-Date'), scope, sha256Hex(canonical)].join('\n');
  const signature = Buffer.from(field('X-Goog-Signature'), 'hex');
  if (account && verify('sha256', Buffer.from(toSign), account.publicKey, signature)) return account;
  throw new GcsFault(403, 'forbidden', 'Access denied.', {
    code: 'SignatureDoesNotMatch',
    message: 'Access denied.',
    details: {
      Details:
        'The request signature we calculated does not match the signature you provided. Check your Google secret key and signing method.',
      StringToSign: toSign,
      CanonicalRequest: canonical,
    },
  });
}

function assertHeadersSigned(request: RawRequest, signedHeaders: readonly string[]): void {
  const absent = signedHeaders.find((name) => request.headers[name] === undefined);
  if (absent !== undefined)
    throw malformed(absent, 'Header was included in signedheaders, but not in the request.');
  const unsigned = Object.keys(request.headers).find(
    (name) => (name === 'host' || name.startsWith('x-goog-')) && !signedHeaders.includes(name),
  );
  if (unsigned !== undefined)
    throw malformed(unsigned, 'Header was in the request, but not included in signedheaders.');
}

function malformed(name: string, details = 'Invalid argument.'): GcsFault {
  return new GcsFault(400, 'invalid', 'Your request has a malformed header.', {
    code: 'MalformedSecurityHeader',
    details: { ParameterName: name, Details: details },
  });
}
