import { parseServerUrl, readEnvironment, type AgentEnvironment, type AgentFlags } from '../agent-config.js';
import { type Enrolment, loadEnrolment } from '../enrolment.js';
import { ServerConnection } from '../server-connection/server-connection.js';
import type { Terminal } from './terminal.js';

/** What every command has: settings, a terminal, a clock, and the wish to stop. */
export interface CommandContext {
  readonly flags: AgentFlags;
  readonly environment: AgentEnvironment;
  readonly terminal: Terminal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

export { readEnvironment };

/** agent.json, or what flags and variables say instead. Throws `not_enrolled` and `unsafe_settings`. */
export function enrolmentOf({ environment }: Pick<CommandContext, 'environment'>): Enrolment {
  const { dataDir, serverUrl, apiKey, insecureHttp } = environment;
  if (serverUrl !== undefined && apiKey !== undefined) {
    return { server_url: serverUrl, api_key: apiKey, agent_id: '', name: '', insecure_http: insecureHttp };
  }
  const stored = loadEnrolment(dataDir);
  return {
    ...stored,
    server_url: serverUrl ?? stored.server_url,
    api_key: apiKey ?? stored.api_key,
    insecure_http: insecureHttp || stored.insecure_http,
  };
}

/** Throws `usage` for an address that no key may be sent to. */
export function connectionOf(
  enrolment: Enrolment,
  { now, environment }: Pick<CommandContext, 'now' | 'environment'>,
): ServerConnection {
  const url = parseServerUrl(enrolment.server_url, enrolment.insecure_http === true);
  return new ServerConnection({ url, apiKey: enrolment.api_key, proxies: environment.proxies, now });
}
