import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DEFAULT_DATA_DIR } from '../agent-config.js';
import { AgentError } from '../agent-error.js';
import { loadEnrolment } from '../enrolment.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { CommandContext } from './command-context.js';

const UNIT = 'stowage-agent.service';
const UNIT_PATH = `/etc/systemd/system/${UNIT}`;
const execute = promisify(execFile);

/**
 * Makes the agent a service of systemd, and starts it. Repeating it brings the unit up to date.
 * @param dryRun shows the unit and changes nothing
 */
export async function install(
  { environment, terminal }: CommandContext,
  { dryRun }: { readonly dryRun: boolean },
): Promise<ExitCode> {
  const template = readFileSync(
    new URL('../../../../packaging/stowage-agent.service', import.meta.url),
    'utf8',
  );
  const { dataDir } = environment;
  const program = fileURLToPath(new URL('../main.js', import.meta.url));
  const unit = unitOf(template, { node: process.execPath, program, dataDir });
  if (dryRun) {
    terminal.result({ message_type: 'unit', ...{ path: UNIT_PATH, content: unit } }, unit.trimEnd());
    return EXIT.done;
  }
  assertPossible('install');
  // Of a host that nobody knows the service would end at once.
  loadEnrolment(dataDir);
  writeFileSync(UNIT_PATH, unit);
  await systemctl('daemon-reload');
  await systemctl('enable', '--now', UNIT);
  // One that ran already goes on with what it was started as.
  await systemctl('try-restart', UNIT);
  terminal.result({ message_type: 'installed', ...{ unit: UNIT_PATH } }, `${UNIT} is installed and started.`);
  return EXIT.done;
}

/** Stops the service and removes its unit; the data folder stays. */
export async function uninstall({ environment, terminal }: CommandContext): Promise<ExitCode> {
  assertPossible('uninstall');
  await systemctl('disable', '--now', UNIT).catch(() => undefined);
  rmSync(UNIT_PATH, { force: true });
  await systemctl('daemon-reload');
  terminal.result({ message_type: 'uninstalled', ...{ unit: UNIT_PATH } }, `${UNIT} is removed.`);
  terminal.explain(`${environment.dataDir} stays; delete it to forget this host's key.`);
  return EXIT.done;
}

export interface UnitPlaces {
  readonly node: string;
  readonly program: string;
  readonly dataDir: string;
}

/** The unit with the paths of this machine in it. Throws `usage` for paths that systemd would take for something else. */
export function unitOf(template: string, { node, program, dataDir }: UnitPlaces): string {
  for (const path of [node, program, dataDir]) {
    if (/[\s"'\\%$]/.test(path)) {
      throw new AgentError(
        'usage',
        `${path} holds characters that mean something in units; move it elsewhere.`,
      );
    }
  }
  const placed = template
    .replaceAll('/usr/bin/node', node)
    .replaceAll('/usr/lib/stowage/dist/src/agent/main.js', program);
  // systemd makes the usual folder itself; another one must be there.
  if (dataDir === DEFAULT_DATA_DIR) return placed;
  return placed.replace(/^StateDirectory.*\n/gm, '').replaceAll(DEFAULT_DATA_DIR, dataDir);
}

function assertPossible(command: string): void {
  // As sd_booted(3): systemctl may be there although nobody serves it.
  if (!existsSync('/run/systemd/system')) {
    const message = 'This host does not run systemd. Let what starts its services run: stowage-agent run.';
    throw new AgentError('usage', message);
  }
  if (process.getuid?.() === 0) return;
  throw new AgentError('usage', `${command} writes ${UNIT_PATH}: run it as root.`);
}

async function systemctl(...args: string[]): Promise<void> {
  try {
    await execute('systemctl', args);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const why = stderr?.trim() || message;
    throw new AgentError('usage', `systemctl ${args.join(' ')} failed: ${why}`, { cause: error });
  }
}
