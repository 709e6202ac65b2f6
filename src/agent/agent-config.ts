import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AgentError } from './agent-error.js';
import { isLoopback, readProxies, type Proxies } from './server-connection/proxies.js';

/** What a command line says; everything is optional. */
export interface AgentFlags {
  readonly 'data-dir'?: string;
  readonly server?: string;
  readonly 'insecure-http'?: boolean;
}

/** Where settings come from besides the command line and agent.json. */
export interface AgentEnvironment {
  readonly dataDir: string;
  readonly serverUrl: string | undefined;
  readonly apiKey: string | undefined;
  readonly insecureHttp: boolean;
  readonly proxies: Proxies;
  /** No colours (no-color.org). */
  readonly plain: boolean;
  /** Of systemd: where to tell that the service is ready, and how often that it lives. */
  readonly notifySocket: string | undefined;
  readonly watchdogMs: number | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

export const DEFAULT_DATA_DIR = '/var/lib/stowage-agent';

/**
 * Flags before variables before defaults; agent.json is read where the data folder is known. Throws `usage` for a
 * variable that makes no sense.
 */
export function readEnvironment(flags: AgentFlags, variables: Variables = process.env): AgentEnvironment {
  const read = (name: string) => readVariable(`STOWAGE_AGENT_${name}`, variables);
  const watchdogMicroseconds = Number(variables.WATCHDOG_USEC ?? '');
  return {
    dataDir: resolve(flags['data-dir'] ?? read('DATA_DIR') ?? DEFAULT_DATA_DIR),
    serverUrl: flags.server ?? read('SERVER'),
    apiKey: read('API_KEY'),
    insecureHttp: flags['insecure-http'] ?? isTrue(read('INSECURE_HTTP')),
    proxies: readProxies(variables),
    plain: (variables.NO_COLOR ?? '') !== '',
    notifySocket: variables.NOTIFY_SOCKET || undefined,
    watchdogMs: watchdogMicroseconds > 0 ? watchdogMicroseconds / 1_000 : undefined,
  };
}

/**
 * https anywhere, http to this machine only unless that was asked for: a key in clear text is everybody's. Throws
 * `usage`.
 */
export function parseServerUrl(text: string, insecureHttp: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) {
    throw new AgentError('usage', `"${text}" is no address of a server; it begins with https://.`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new AgentError('usage', 'Give the address of the server without a password, query or fragment.');
  }
  if (url.protocol === 'http:' && !insecureHttp && !isLoopback(url.hostname)) {
    throw new AgentError(
      'usage',
      `http://${url.host} would send the agent's key in clear text; use https://, or --insecure-http in a network that you trust.`,
    );
  }
  return url;
}

function readVariable(name: string, variables: Variables): string | undefined {
  const direct = variables[name];
  const file = variables[`${name}_FILE`];
  if (direct && file) throw new AgentError('usage', `${name} and ${name}_FILE are both set; keep one.`);
  if (direct) return direct;
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    throw new AgentError('usage', `${name}_FILE: ${file} cannot be read (${why}).`, { cause: error });
  }
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}
