import { AgentError } from '../agent-error.js';
import { EXIT, exitCodeOfState, type ExitCode } from '../exit-codes.js';
import { askAgent } from '../host/control-client.js';
import type { ControlMessage } from '../host/control-protocol.js';
import { formatSeconds } from './amounts.js';
import type { CommandContext } from './command-context.js';

type RunMessage = Extract<ControlMessage, { message_type: 'run' }>;

/** Lets the running agent make a snapshot of one workspace, or of all, and waits for it. */
export async function snapshotNow(
  { environment, terminal, signal }: CommandContext,
  workspace: string | undefined,
): Promise<ExitCode> {
  const { dataDir } = environment;
  let worst: ExitCode = EXIT.done;
  for await (const message of askAgent(dataDir, { command: 'snapshot', workspace }, signal)) {
    if (message.message_type === 'end') return worst;
    if (message.message_type === 'progress') {
      const {
        workspace: what,
        files_done: filesDone,
        bytes_done: bytesDone,
        current_path: currentPath,
      } = message;
      terminal.progress({ what, filesDone, bytesDone, currentPath });
    } else if (message.message_type === 'run') {
      terminal.result(message, runText(message));
      worst = worse(worst, exitCodeOfState(message.status, message.code));
    }
  }
  if (signal.aborted) {
    terminal.explain('Nobody watches it any longer; the agent goes on with it.');
    return EXIT.cancelled;
  }
  throw new AgentError(
    'agent_not_running',
    'The agent ended before the snapshot did; it is made after its next start.',
  );
}

function runText({ workspace, status, snapshot, detail, duration_ms, problem_count }: RunMessage): string {
  const took = `in ${formatSeconds(duration_ms / 1_000)}`;
  switch (status) {
    case 'unchanged':
      return `${workspace}: nothing has changed since the last snapshot`;
    case 'failed':
      return `${workspace}: failed: ${detail}`;
    case 'partial':
      return `${workspace}: snapshot ${snapshot ?? 'as before'} without ${problem_count} files ${took}`;
    default:
      return `${workspace}: snapshot ${snapshot} ${took}`;
  }
}

/** A failure says more than a partial snapshot. */
function worse(first: ExitCode, second: ExitCode): ExitCode {
  if (first === EXIT.done || second === EXIT.done) return first === EXIT.done ? second : first;
  return first === EXIT.partial ? second : first;
}
