import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { VERSION } from '../../config/version.js';
import type { AgentFlags } from '../agent-config.js';
import { AgentError } from '../agent-error.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { CommandContext } from './command-context.js';

export const USAGE = `Usage: stowage-agent <command>

  enrol --server URL --token-file FILE [--force]
                          makes this host known to its server; FILE - is the standard input
  run [--supervised]      snapshots and restores until it is told to stop
  status                  what the running agent does
  snapshot now [--workspace NAME]
                          a snapshot now, of one workspace or of all
  restore --workspace NAME --target DIRECTORY [--snapshot ID] [--path P]... [--in-place [--mirror]] [--dry-run] [-y]
                          brings a snapshot back onto this host
  doctor                  finds out why something does not work
  logs [-f]               what the running agent has done lately
  install [--dry-run]     makes it a service of systemd, or shows the unit; uninstall takes it away
  version

Every command takes --data-dir DIRECTORY (/var/lib/stowage-agent), --json for JSON lines, --quiet, and --insecure-http
for a server without TLS in a network that you trust. Settings come from the command line, then from STOWAGE_AGENT_DATA_DIR,
STOWAGE_AGENT_SERVER, STOWAGE_AGENT_API_KEY (or _FILE) and STOWAGE_AGENT_INSECURE_HTTP, then from agent.json in the
data folder. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured, for the server and for the bucket.

Ends with 0, or 1 failed, 3 partly done, 10 no repository, 11 locked, 12 wrong key, 13 not enrolled or not accepted,
14 server or bucket unreachable, 64 called wrongly, 130 cancelled.
`;

const COMMON = {
  'data-dir': { type: 'string' },
  server: { type: 'string' },
  'insecure-http': { type: 'boolean' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsOptionsConfig;

const OPTIONS = {
  'token-file': { type: 'string' },
  force: { type: 'boolean', default: false },
  supervised: { type: 'boolean', default: false },
  workspace: { type: 'string', short: 'w' },
  target: { type: 'string', short: 't' },
  snapshot: { type: 'string' },
  path: { type: 'string', multiple: true, default: [] as string[] },
  'in-place': { type: 'boolean', default: false },
  mirror: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
  follow: { type: 'boolean', short: 'f', default: false },
} as const satisfies ParseArgsOptionsConfig;

type Option = keyof typeof OPTIONS;

/** Words of each command and the options that it takes beside those of all. */
const COMMANDS = {
  enrol: ['token-file', 'force'],
  run: ['supervised'],
  status: [],
  'snapshot now': ['workspace'],
  restore: ['workspace', 'target', 'snapshot', 'path', 'in-place', 'mirror', 'dry-run', 'yes'],
  doctor: [],
  logs: ['follow'],
  install: ['dry-run'],
  uninstall: [],
  version: [],
  help: [],
} as const satisfies Readonly<Record<string, readonly Option[]>>;

export type CommandName = keyof typeof COMMANDS;

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: { ...COMMON, ...OPTIONS },
    allowPositionals: true,
    tokens: true,
  });
}

type Values = ReturnType<typeof parse>['values'];

export interface CommandLine {
  readonly command: CommandName;
  readonly values: Values;
  readonly flags: AgentFlags;
}

/** Throws `usage` for words and options that a command does not have. */
export function readCommandLine(args: readonly string[]): CommandLine {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new AgentError('usage', (error as Error).message, { cause: error });
  }
  const { positionals, values, tokens } = parsed;
  const words = positionals.join(' ');
  if (values.help || words === '') return { command: 'help', values, flags: values };
  if (!isCommand(words))
    throw new AgentError('usage', `There is no command "${words}"; see stowage-agent --help.`);
  const allowed: readonly string[] = [...COMMANDS[words], ...Object.keys(COMMON)];
  const foreign = tokens.find((token) => token.kind === 'option' && !allowed.includes(token.name));
  if (foreign?.kind === 'option') throw new AgentError('usage', `${words} has no option ${foreign.rawName}.`);
  return { command: words, values, flags: values };
}

function isCommand(words: string): words is CommandName {
  return Object.hasOwn(COMMANDS, words);
}

/** Commands load what they need and nothing else: `status` starts no engine. */
export async function runCommand(
  { command, values }: CommandLine,
  context: CommandContext,
): Promise<ExitCode> {
  switch (command) {
    case 'enrol': {
      const { enrol } = await import('./enrol.js');
      return enrol(context, { tokenFile: values['token-file'], force: values.force });
    }
    case 'run':
      return (await import('./run.js')).run(context, { supervised: values.supervised });
    case 'status':
      return (await import('./status.js')).status(context);
    case 'snapshot now':
      return (await import('./snapshot-now.js')).snapshotNow(context, values.workspace);
    case 'restore': {
      const { workspace, target, snapshot, path: paths, 'in-place': inPlace, mirror, yes } = values;
      const { restore } = await import('./restore.js');
      return restore(context, {
        workspace,
        target,
        snapshot,
        paths,
        inPlace,
        mirror,
        yes,
        dryRun: values['dry-run'],
      });
    }
    case 'doctor':
      return (await import('./doctor.js')).doctor(context);
    case 'logs':
      return (await import('./logs.js')).logs(context, values.follow);
    case 'install':
      return (await import('./install.js')).install(context, { dryRun: values['dry-run'] });
    case 'uninstall':
      return (await import('./install.js')).uninstall(context);
    case 'version':
      context.terminal.result({ message_type: 'version', ...{ version: VERSION } }, VERSION);
      return EXIT.done;
    case 'help':
      process.stdout.write(USAGE);
      return EXIT.done;
  }
}
