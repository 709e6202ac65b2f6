import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import {
  isMetadataAddress,
  isPublicAddress,
  normalizeHost,
  parseAllowedEndpoints,
  type AllowedEndpoints,
} from './address-policy.js';
import { StorageError } from './storage-errors.js';
import type { Dialer } from './storage-provider.js';

export interface DialerOptions {
  /** Hosts (`*.host` for those below), `host:port` or CIDR ranges that users may reach although they are not public. */
  readonly allowedPrivateEndpoints: readonly string[];
  /** All addresses of a name; the system's resolver (with /etc/hosts) when absent. */
  readonly resolve?: ResolveAll;
}

type ResolveAll = (hostname: string) => Promise<readonly LookupAddress[]>;

/**
 * The one door to addresses that users choose. It dials https on port 443 of public addresses, and what the
 * operator allows by name. A name is resolved once per connection and the connection goes to the checked answer,
 * so a name that changes its mind between check and use gains nothing.
 * Throws a RangeError for an unreadable entry.
 */
export function createDialer({ allowedPrivateEndpoints, resolve }: DialerOptions): Dialer {
  const allowed = parseAllowedEndpoints(allowedPrivateEndpoints);
  const resolveAll = resolve ?? resolveBySystem;
  return {
    assertAllowed: (url) => assertUrlAllowed(url, allowed),
    assertPeer: (hostname, address) => {
      if (address === undefined || !mayConnect(hostname, address, allowed)) throw notPublic(hostname);
    },
    lookup: guardedLookup(resolveAll, allowed),
  };
}

/** TLS only, and only where object stores listen: other ports are somebody's database. */
const PUBLIC_PORT = 443;

function assertUrlAllowed(url: URL, allowed: AllowedEndpoints): void {
  const host = normalizeHost(url.hostname);
  if (host === '') throw refused('The endpoint has no host.', 'Set endpoint to a host name.');
  if (url.username !== '' || url.password !== '') {
    throw refused(
      'The endpoint contains a user name or password.',
      'Remove everything before the @ in endpoint.',
    );
  }
  const isNamed = allowed.allowsHost(host, portOf(url));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isNamed)) {
    throw refused(
      `Stowage does not connect to "${host}" by ${url.protocol.slice(0, 20)}`,
      `Use https, or have the operator add ${hostAndPort(url)} to ALLOWED_PRIVATE_ENDPOINTS.`,
    );
  }
  if (!isNamed && portOf(url) !== PUBLIC_PORT) {
    throw refused(
      `Stowage does not connect to port ${portOf(url)} of "${host}".`,
      `Use port ${PUBLIC_PORT}, or have the operator add ${hostAndPort(url)} to ALLOWED_PRIVATE_ENDPOINTS.`,
    );
  }
  if (isIP(host) !== 0) {
    if (!mayConnect(host, host, allowed)) throw notPublic(host);
  } else if (isLocalName(host) && !isNamed && !allowed.hasRanges) {
    throw notPublic(host);
  }
}

/** Names that never lead to the Internet; refused without asking a resolver. */
function isLocalName(host: string): boolean {
  return /(^|\.)(localhost|local|internal|localdomain|home\.arpa)$/.test(host) || !host.includes('.');
}

function mayConnect(hostname: string, address: string, allowed: AllowedEndpoints): boolean {
  if (isMetadataAddress(address)) return false;
  return isPublicAddress(address) || allowed.allowsAddress(address) || allowed.allowsSomePortOf(hostname);
}

function guardedLookup(resolveAll: ResolveAll, allowed: AllowedEndpoints): LookupFunction {
  return (hostname, options, callback) => {
    const fail = (error: Error) => callback(error, '', undefined);
    const answer = (addresses: readonly LookupAddress[]) => {
      // One private answer among public ones is refused as a whole: no honest store has that.
      const areAllowed = addresses.every(({ address }) => mayConnect(hostname, address, allowed));
      if (!areAllowed) return fail(notPublic(hostname));
      const family = familyOf(options.family);
      const usable = addresses.filter((entry) => family === 0 || entry.family === family);
      const [first] = usable;
      if (first === undefined) return fail(notFound(hostname));
      return options.all ? callback(null, [...usable]) : callback(null, first.address, first.family);
    };
    resolveAll(hostname).then(answer, fail);
  };
}

function familyOf(family: number | 'IPv4' | 'IPv6' | undefined): number {
  if (family === 'IPv4') return 4;
  return family === 'IPv6' ? 6 : (family ?? 0);
}

const resolveBySystem: ResolveAll = (hostname) =>
  new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true, order: 'verbatim' }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    );
  });

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

function hostAndPort(url: URL): string {
  return `${url.hostname}:${portOf(url)}`;
}

/** Does not tell the address: users must not learn the operator's internal names by asking. */
function notPublic(hostname: string): StorageError {
  const host = hostname.slice(0, 255);
  return refused(
    `Stowage does not connect to "${host}": it is not a public address.`,
    `Use a public endpoint, or have the operator add ${host} to ALLOWED_PRIVATE_ENDPOINTS.`,
  );
}

function refused(message: string, hint: string): StorageError {
  return new StorageError('endpoint_unreachable', message, {
    operation: 'connect',
    hint,
    retryable: false,
    providerCode: 'ENDPOINT_NOT_ALLOWED',
  });
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no usable address for ${hostname}`), { code: 'ENOTFOUND' });
}
