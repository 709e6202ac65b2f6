import { parseServerUrl } from '../agent-config.js';
import { codeOf } from '../agent-error.js';
import type { Check } from '../doctor/check.js';
import { examine } from '../doctor/examine.js';
import { EXIT, exitCodeOfCode, type ExitCode } from '../exit-codes.js';
import { proxyFor } from '../server-connection/proxies.js';
import { connectionOf, enrolmentOf, type CommandContext } from './command-context.js';
import { readStatus } from './status.js';
import type { Terminal } from './terminal.js';

/** Finds out what keeps snapshots from being made. Ends as the first failed check would. */
export async function doctor(context: CommandContext): Promise<ExitCode> {
  const { environment, terminal, now, signal } = context;
  const checks: Check[] = [];
  const address = () => {
    const { server_url, insecure_http } = enrolmentOf(context);
    return parseServerUrl(server_url, insecure_http === true);
  };
  const status = () =>
    readStatus(context).catch((error: unknown) => {
      if (codeOf(error) === 'agent_not_running') return undefined;
      throw error;
    });
  const proxyOf = (server: URL) => proxyFor(server, environment.proxies);
  const connect = () => connectionOf(enrolmentOf(context), context);
  for await (const check of examine({
    dataDir: environment.dataDir,
    address,
    proxyOf,
    connect,
    status,
    now,
    signal,
  })) {
    checks.push(check);
    if (!terminal.json) terminal.result({ message_type: 'check' }, checkText(check, terminal));
  }
  const failure = checks.find((check) => check.status === 'failed');
  const success = failure === undefined;
  const message = success ? 'Everything that snapshots need works.' : failure.detail!;
  if (terminal.json) terminal.result({ message_type: 'doctor', ...{ success, message, checks } }, '');
  else terminal.explain(message);
  return success ? EXIT.done : exitCodeOfCode(failure.code);
}

const MARKS = {
  passed: ['green', 'ok     '],
  failed: ['red', 'failed '],
  warning: ['yellow', 'warning'],
  skipped: ['dim', 'skipped'],
} as const;

function checkText({ title, status, detail, repair, latency_ms }: Check, terminal: Terminal): string {
  const [tone, mark] = MARKS[status];
  const lines = [`${terminal.tint(tone, mark)} ${title}${status === 'passed' ? ` (${latency_ms} ms)` : ''}`];
  if (detail !== undefined) lines.push(`        ${detail}`);
  if (repair !== undefined) lines.push(`        ${terminal.tint('bold', '→')} ${repair}`);
  return lines.join('\n');
}
