import { EXIT, type ExitCode } from '../exit-codes.js';
import { askAgent } from '../host/control-client.js';
import type { CommandContext } from './command-context.js';
import { logLine } from './run.js';

/** What the running agent has done lately, and with `follow` what it does. */
export async function logs(
  { environment, terminal, signal }: CommandContext,
  follow: boolean,
): Promise<ExitCode> {
  for await (const message of askAgent(environment.dataDir, { command: 'logs', follow }, signal)) {
    if (message.message_type !== 'log') continue;
    terminal.result({ message_type: 'log', ...message.entry }, logLine(message.entry));
  }
  return EXIT.done;
}
