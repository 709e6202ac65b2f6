import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { EnrolAnswer, EnrolRequest } from '../../agent-protocol/messages.js';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import { VERSION } from '../../config/version.js';
import { parseServerUrl } from '../agent-config.js';
import { AgentError } from '../agent-error.js';
import { isEnrolled, makeDataDir, saveEnrolment } from '../enrolment.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { ServerConnection } from '../server-connection/server-connection.js';
import type { CommandContext } from './command-context.js';

export interface EnrolArguments {
  /** `-`: the standard input. */
  readonly tokenFile: string | undefined;
  /** Replaces an earlier enrolment. */
  readonly force: boolean;
}

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
  makeDataDir(dataDir);
  const server = new ServerConnection({ url, now });
  try {
    const message: EnrolRequest = {
      token,
      hostname: hostname(),
      platform: `${process.platform} ${process.arch}`,
      program_version: VERSION,
    };
    // One attempt: a token that was taken is not taken again, and then the sentence about it would mislead.
    const answer = await server.ask<EnrolAnswer>(AGENT_PATHS.enrol, message, { signal });
    const { agent_id, name, api_key } = answer;
    const enrolment = { server_url: url.href, agent_id, name, api_key };
    saveEnrolment(dataDir, { ...enrolment, ...(insecureHttp && { insecure_http: true }) });
    terminal.result(
      { message_type: 'enrolled', ...{ agent_id, name, server_url: url.href } },
      `Enrolled as ${name}.`,
    );
    terminal.explain('Start it with stowage-agent run, or as a service with stowage-agent install.');
    return EXIT.done;
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
