import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { classify, MAX_CLOCK_SKEW_MS } from '../classify.js';
import type { StorageError } from '../storage-errors.js';
import type { ConnectContext, ProviderName } from '../storage-provider.js';
import { failed, failedBy, passed, skipped, warning, type CheckOutcome } from './check.js';

/** Where the bucket is reached, and by whose rules. */
export interface NetworkTarget {
  readonly provider: ProviderName;
  readonly endpoint: URL;
  readonly context: Pick<ConnectContext, 'dialer' | 'timeouts'>;
}

const DAY_MS = 24 * 60 * 60_000;

/** A certificate that ends sooner is worth a word. */
const CERTIFICATE_WARNING_DAYS = 14;

export async function checkDns(target: NetworkTarget, signal: AbortSignal): Promise<CheckOutcome> {
  const { endpoint, context } = target;
  try {
    context.dialer.assertAllowed(endpoint);
    const host = bareHost(endpoint);
    if (isIP(host) !== 0) return skipped('The endpoint is an address: there is no name to resolve.');
    // Not the addresses themselves: an operator's internal network is nobody else's business.
    const addresses = await resolve(context.dialer.lookup, host, signal);
    return passed({ observed: { host, addresses } });
  } catch (error) {
    return failedBy(asStorageError(target, error));
  }
}

export async function checkTls(
  target: NetworkTarget,
  signal: AbortSignal,
  nowMs: number,
): Promise<CheckOutcome> {
  const isTls = target.endpoint.protocol === 'https:';
  let socket: Socket | undefined;
  try {
    socket = await openSocket(target, isTls, signal);
    target.context.dialer.assertPeer?.(bareHost(target.endpoint), socket.remoteAddress);
    if (!isTls) return warning('The endpoint is plain http: the connection is not encrypted.');
    return certificateOutcome(socket as TLSSocket, nowMs);
  } catch (error) {
    return failedBy(asStorageError(target, error));
  } finally {
    socket?.destroy();
  }
}

/** Signatures carry the time, and destructive work needs a common clock: the provider's Date header tells. */
export async function checkClock(
  target: NetworkTarget,
  signal: AbortSignal,
  now: () => number,
): Promise<CheckOutcome> {
  let aheadMs: number | undefined;
  try {
    aheadMs = await measureClockSkew(target, now, signal);
  } catch (error) {
    return failedBy(asStorageError(target, error));
  }
  if (aheadMs === undefined) return skipped('The endpoint does not tell its time.');
  const observed = { provider_ahead_ms: aheadMs };
  const apartMs = Math.abs(aheadMs);
  if (apartMs <= NOTABLE_SKEW_MS) return passed({ observed });
  const detail = `The clock of this server is ${inWords(apartMs)} ${aheadMs > 0 ? 'behind' : 'ahead of'} the provider's.`;
  return apartMs > MAX_CLOCK_SKEW_MS
    ? { ...failed('clock_skew', detail, CLOCK_REPAIR), observed }
    : warning(detail, { repair: CLOCK_REPAIR, observed });
}

/** Less than a minute is what unsynchronised but honest clocks show. */
const NOTABLE_SKEW_MS = 60_000;
const CLOCK_REPAIR = 'Set the clock of this server by NTP, e.g. `timedatectl set-ntp true`, and try again.';

function inWords(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/**
 * Milliseconds by which the provider's clock is ahead of `now()` (negative: behind), from the Date header of any
 * answer, so it needs no key. undefined when the answer has none.
 * @throws StorageError when there is no answer
 */
async function measureClockSkew(
  target: NetworkTarget,
  now: () => number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { dialer, timeouts } = target.context;
  const agent = new Agent({
    connect: { timeout: timeouts.connectMs, lookup: dialer.lookup },
    headersTimeout: timeouts.responseMs,
    bodyTimeout: timeouts.idleBodyMs,
  });
  try {
    const before = now();
    const answer = await request(target.endpoint, { method: 'GET', dispatcher: agent, signal });
    const middle = (before + now()) / 2;
    answer.body.on('error', () => undefined).destroy();
    const { date } = answer.headers;
    const theirs = typeof date === 'string' ? Date.parse(date) : NaN;
    return Number.isNaN(theirs) ? undefined : withinASecond(theirs, middle);
  } catch (error) {
    throw asStorageError(target, error);
  } finally {
    await agent.destroy();
  }
}

/** The header has whole seconds: anything inside of that second is no difference. */
function withinASecond(theirs: number, middle: number): number {
  if (middle < theirs) return Math.round(theirs - middle);
  return Math.round(Math.min(0, theirs + 1_000 - middle));
}

function certificateOutcome(socket: TLSSocket, nowMs: number): CheckOutcome {
  const certificate = socket.getPeerCertificate();
  const endsMs = Date.parse(certificate.valid_to);
  const days = Math.floor((endsMs - nowMs) / DAY_MS);
  const observed = {
    protocol: socket.getProtocol() ?? 'unknown',
    certificate_subject: subjectOf(certificate),
    certificate_expires: certificate.valid_to,
  };
  if (days >= CERTIFICATE_WARNING_DAYS) return passed({ observed });
  return warning(`The certificate of the endpoint expires in ${days} days.`, {
    repair: 'Renew the certificate of the endpoint.',
    observed,
  });
}

function subjectOf(certificate: PeerCertificate): string {
  const name: string | string[] | undefined = certificate.subject?.CN;
  const text = Array.isArray(name) ? name.join(', ') : (name ?? certificate.subjectaltname ?? 'unnamed');
  return text.slice(0, 255);
}

function openSocket(target: NetworkTarget, isTls: boolean, signal: AbortSignal): Promise<Socket> {
  const { endpoint, context } = target;
  const host = bareHost(endpoint);
  const options = {
    host,
    port: endpoint.port === '' ? (isTls ? 443 : 80) : Number(endpoint.port),
    lookup: context.dialer.lookup,
    // Azure and S3 choose the certificate by name; an address has none to send.
    ...(isTls && isIP(host) === 0 && { servername: host }),
  };
  return new Promise((settle, reject) => {
    const socket = isTls ? connectTls(options) : connectTcp(options);
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(Object.assign(new Error('aborted'), { code: 'AbortError' }));
    const onTimeout = (): void => fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.setTimeout(context.timeouts.connectMs, onTimeout).once('error', fail);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.setTimeout(0);
      settle(socket);
    });
    if (signal.aborted) onAbort();
  });
}

function resolve(lookup: LookupFunction, host: string, signal: AbortSignal): Promise<number> {
  return new Promise((settle, reject) => {
    const onAbort = (): void => reject(Object.assign(new Error('aborted'), { code: 'AbortError' }));
    signal.addEventListener('abort', onAbort, { once: true });
    lookup(host, { all: true }, (error, addresses) => {
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else settle(addresses.length);
    });
  });
}

function bareHost(endpoint: URL): string {
  return endpoint.hostname.replace(/^\[|\]$/g, '');
}

function asStorageError({ provider }: NetworkTarget, error: unknown): StorageError {
  const { code, name, message } = deepestCause(error);
  return classify({ provider, operation: 'connect', errno: code ?? name, message, cause: error });
}

/** undici wraps what the socket says. */
function deepestCause(error: unknown): Partial<NodeJS.ErrnoException> {
  let at = error as Partial<NodeJS.ErrnoException>;
  for (let depth = 0; depth < 4 && typeof at.cause === 'object' && at.cause !== null; depth += 1)
    at = at.cause;
  return at;
}
