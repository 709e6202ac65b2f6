import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { EnrolAnswer, EnrolRequest } from '../../agent-protocol/messages.js';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import { VERSION } from '../../config/version.js';
import { parseServerUrl } from '../agent-config.js';
import { AgentError, codeOf, sentenceOf, ServerRefusal } from '../agent-error.js';
import { beginEnrolment, endEnrolment, isEnrolled, saveEnrolment } from '../enrolment.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { ServerConnection } from '../server-connection/server-connection.js';
import type { CommandContext } from './command-context.js';

export interface EnrolArguments {
  /** `-`: the standard input. */
  readonly tokenFile: string | undefined;
  /** Replaces an earlier enrolment. */
  readonly force: boolean;
}

/** While the server is away it is asked again for so long. */
const PATIENCE_MS = 2 * 60_000;

/** Turns a one-time token into this host's own key, which only this user can read. */
export async function enrol(
  context: CommandContext,
  { tokenFile, force }: EnrolArguments,
): Promise<ExitCode> {
  const { environment, terminal, now, signal } = context;
  const { dataDir, serverUrl, insecureHttp } = environment;
  if (serverUrl === undefined || tokenFile === undefined) {
    throw new AgentError('usage', 'enrol needs --server URL and --token-file FILE.');
  }
  const url = parseServerUrl(serverUrl, insecureHttp);
  if (isEnrolled(dataDir) && !force) {
    const message = `This host is enrolled already (${dataDir}). Use --force to enrol it anew.`;
    throw new AgentError('already_enrolled', message);
  }
  const token = readToken(tokenFile);
  // Before the token is used up: a key that cannot be kept is lost.
  const ownKey = beginEnrolment(dataDir, token);
  const server = new ServerConnection({ url, proxies: environment.proxies, now });
  try {
    const message: EnrolRequest = {
      token,
      api_key: ownKey,
      hostname: hostname(),
      platform: `${process.platform} ${process.arch}`,
      program_version: VERSION,
    };
    const answer = await server.ask<EnrolAnswer>(AGENT_PATHS.enrol, message, {
      signal,
      patienceMs: PATIENCE_MS,
      onRetry: (error) => terminal.explain(`${sentenceOf(error)} Trying again.`),
    });
    const { agent_id, name, api_key } = answer;
    const enrolment = { server_url: url.href, agent_id, name, api_key };
    saveEnrolment(dataDir, { ...enrolment, ...(insecureHttp && { insecure_http: true }) });
    terminal.result(
      { message_type: 'enrolled', ...{ agent_id, name, server_url: url.href } },
      `Enrolled as ${name}.`,
    );
    terminal.explain('Start it with stowage-agent run, or as a service with stowage-agent install.');
    return EXIT.done;
  } catch (error) {
    // Of a refusal nothing is kept: the next token gets a key of its own.
    if (error instanceof ServerRefusal && !error.retryable) endEnrolment(dataDir);
    if (codeOf(error) !== 'server_unreachable') throw error;
    const message = `${sentenceOf(error)} Run the same command again: the token is not lost, even if the server has taken it.`;
    throw new AgentError('server_unreachable', message, { cause: error });
  } finally {
    await server.close();
  }
}

function readToken(path: string): string {
  try {
    const token = readFileSync(path === '-' ? 0 : path, 'utf8').trim();
    if (token !== '') return token;
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    throw new AgentError('usage', `The token's file ${path} cannot be read (${why}).`, { cause: error });
  }
  throw new AgentError('usage', `The token's file ${path} is empty.`);
}
