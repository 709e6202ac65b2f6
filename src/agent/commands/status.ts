import { AgentError } from '../agent-error.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { askAgent } from '../host/control-client.js';
import type { AgentStatus } from '../host/control-protocol.js';
import { formatBytes, formatSeconds } from './amounts.js';
import type { CommandContext } from './command-context.js';
import type { Terminal } from './terminal.js';

/** Shows what the running agent does. */
export async function status(context: CommandContext): Promise<ExitCode> {
  const told = await readStatus(context);
  context.terminal.result(told, statusText(told, context.terminal));
  return EXIT.done;
}

/** Throws `agent_not_running`. */
export async function readStatus({
  environment,
  signal,
}: Pick<CommandContext, 'environment' | 'signal'>): Promise<AgentStatus> {
  for await (const message of askAgent(environment.dataDir, { command: 'status' }, signal)) {
    if (message.message_type === 'status') return message;
  }
  throw new AgentError('agent_not_running', 'The agent ended while it was asked.');
}

function statusText(told: AgentStatus, terminal: Terminal): string {
  const connection = told.connected
    ? terminal.tint('green', 'connected')
    : terminal.tint('yellow', told.connection_problem ?? 'not connected yet');
  const lines = [
    `${terminal.tint('bold', told.name || 'agent')}  ${told.server_url}  ${connection}`,
    `version ${told.version}, pid ${told.pid}, up ${formatSeconds(told.uptime_seconds)}, ${formatBytes(told.rss_bytes)} of memory`,
  ];
  if (told.workspaces.length === 0) lines.push('no workspace');
  return [...lines, ...told.workspaces.map((workspace) => workspaceText(workspace, terminal))].join('\n');
}

function workspaceText(workspace: AgentStatus['workspaces'][number], terminal: Terminal): string {
  const { name, path, interval_seconds, last_run, safe_seconds_ago: safe } = workspace;
  const [tone, state] = stateOf(workspace);
  const facts = [
    `every ${formatSeconds(interval_seconds)}`,
    safe === undefined ? 'no complete snapshot yet' : `safe ${formatSeconds(safe)} ago`,
    workspace.skipped_runs > 0 && `${workspace.skipped_runs} runs left out`,
    last_run?.detail,
    workspace.watcher_problem,
  ];
  const told = facts.filter((fact) => typeof fact === 'string').join(', ');
  return `  ${terminal.tint(tone, state.padEnd(9))} ${terminal.tint('bold', name)}  ${path}  ${told}`;
}

function stateOf(workspace: AgentStatus['workspaces'][number]): ['green' | 'yellow' | 'red' | 'dim', string] {
  if (workspace.running) return ['green', 'running'];
  if (workspace.paused) return ['dim', 'paused'];
  const last = workspace.last_run?.status;
  if (last === undefined) return ['dim', 'waiting'];
  if (last === 'failed') return ['red', 'failed'];
  return last === 'partial' ? ['yellow', 'partial'] : ['green', last];
}
