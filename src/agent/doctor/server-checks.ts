import { lookup } from 'node:dns/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { isIP } from 'node:net';
import type { DesiredState, SyncRequest } from '../../agent-protocol/messages.js';
import { AGENT_PATHS, PROTOCOL_VERSION } from '../../agent-protocol/protocol.js';
import { codeOf, sentenceOf } from '../agent-error.js';
import { networkReason, type ServerConnection } from '../server-connection/server-connection.js';
import { failed, passed, skipped, warning, type Outcome } from './check.js';

const CONNECT_MS = 10_000;
const CERTIFICATE_WARNING_DAYS = 14;
const DAY_MS = 24 * 60 * 60_000;
/** Signed requests hold for 15 minutes; providers refuse clocks that are as far away. */
const MAX_SKEW_MS = 60_000;

export async function checkDns(url: URL): Promise<Outcome> {
  const host = hostOf(url);
  try {
    const addresses = await lookup(host, { all: true });
    return passed({ host, addresses: addresses.length });
  } catch (error) {
    const detail = `The name ${host} cannot be resolved (${networkReason(error)}).`;
    return failed(
      'dns_failed',
      detail,
      'Correct the server address, or the name servers in /etc/resolv.conf.',
    );
  }
}

export async function checkTls(url: URL, nowMs: number): Promise<Outcome> {
  if (url.protocol === 'http:') return skipped('The server is reached without TLS.');
  const host = hostOf(url);
  try {
    const socket = await handshake(host, url.port === '' ? 443 : Number(url.port));
    const ends = socket.getPeerCertificate().valid_to;
    const observed = { protocol: socket.getProtocol() ?? 'unknown', certificate_expires: ends };
    socket.destroy();
    const days = Math.floor((Date.parse(ends) - nowMs) / DAY_MS);
    if (days >= CERTIFICATE_WARNING_DAYS) return passed(observed);
    const detail = `The certificate of the server expires in ${days} days.`;
    return warning('certificate_expires', detail, 'Renew the certificate of the server.', observed);
  } catch (error) {
    const detail = `No secure connection to ${url.host}: ${networkReason(error)}.`;
    return failed(
      'tls_failed',
      detail,
      'Correct the certificate or the address; NODE_EXTRA_CA_CERTS names a CA of your own.',
    );
  }
}

export interface AskedServer {
  readonly outcome: Outcome;
  /** What this host shall do, when the server said so. */
  readonly state?: DesiredState;
}

/** That the server answers, speaks this protocol and takes this host's key. */
export async function checkServer(
  server: ServerConnection,
  host: Pick<SyncRequest, 'hostname' | 'platform' | 'program_version'>,
  signal: AbortSignal,
): Promise<AskedServer> {
  try {
    const message: SyncRequest = { ...host, wait_seconds: 0 };
    const state = await server.ask<DesiredState>(AGENT_PATHS.sync, message, { signal });
    return { outcome: passed({ protocol: PROTOCOL_VERSION, agent: state.agent.name }), state };
  } catch (error) {
    return {
      outcome: failed(codeOf(error) ?? 'internal_error', sentenceOf(error), REPAIRS[codeOf(error) ?? '']),
    };
  }
}

const REPAIRS: Readonly<Record<string, string>> = {
  unauthenticated: 'Enrol this host again with --force and a new token.',
  agent_removed: 'Enrol this host again with --force and a new token.',
  unsupported_protocol: 'Install the agent of the version that the server has.',
  server_unreachable: 'Check the network between this host and the server, and whether the server runs.',
  server_answer_invalid: 'Correct the address: https://host[:port], as a browser opens it.',
};

export function checkClock(skewMs: number | undefined): Outcome {
  if (skewMs === undefined) return skipped('The server did not tell its time.');
  const observed = { server_ahead_ms: skewMs };
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return passed(observed);
  const where = skewMs > 0 ? 'behind' : 'ahead of';
  const detail = `The clock of this host is ${Math.round(Math.abs(skewMs) / 1_000)} s ${where} the server's.`;
  return warning('clock_skew', detail, 'timedatectl set-ntp true', observed);
}

function handshake(host: string, port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }) });
    socket.setTimeout(CONNECT_MS, () =>
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
