import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface BoundProcessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** User and group that it runs as; only root can choose. */
  readonly uid?: number;
  readonly gid?: number;
}

/** A program that we started, and that ends with us. */
export interface BoundProcess {
  readonly child: ChildProcess;
  /** What it wrote to its standard output and error, the last 64 KiB of it. */
  output(): string;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** SIGTERM, and SIGKILL when that is not heeded within `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

const MAX_OUTPUT = 64 * 1024;

/**
 * Starts a program that the kernel kills when this process dies (Linux: `setpriv --pdeathsig`); elsewhere it
 * is killed when this process exits in an orderly way.
 */
export function startBound(
  command: string,
  args: readonly string[],
  options: BoundProcessOptions = {},
): BoundProcess {
  const leash = findProgram('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const [program, ...rest] = [...leash, command, ...args] as [string, ...string[]];
  const child = spawn(program, rest, {
    cwd: options.cwd,
    uid: options.uid,
    gid: options.gid,
    env: { ...process.env, ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let written = '';
  const keep = (chunk: Buffer) => (written = (written + chunk.toString()).slice(-MAX_OUTPUT));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  }).finally(() => process.off('exit', killAtExit));
  return { child, output: () => written, ended, stop: (graceMs = 5000) => stop(child, ended, graceMs) };
}

/** The path of a program, or undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** @throws Error that says what to install; a test that cannot run fails, it is never skipped */
export function requireProgram(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path === undefined) {
    throw new Error(
      `The program "${name}" is missing. Install it, on Debian with: apt-get install --no-install-recommends ${debianPackage}`,
    );
  }
  return path;
}

async function stop(child: ChildProcess, ended: Promise<unknown>, graceMs: number): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(killer);
}
