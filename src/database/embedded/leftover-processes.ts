import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseStartError } from '../database-start-error.js';

const POLL_MS = 50;
const FAST_SHUTDOWN_MS = 20_000;
const KILL_MS = 10_000;

/**
 * Ends what an earlier server process left running in this data directory, then removes its postmaster.pid. The
 * caller holds the directory's lock, so nobody living owns these processes. PostgreSQL cannot clear the file up itself when
 * the process id in it was given to another program since; and two sets of PostgreSQL processes on one data directory
 * would destroy it, hence processes are looked for in /proc and not by that file.
 * @throws DatabaseStartError when a process does not end
 */
export async function endLeftoverProcesses(dataPath: string, log: (message: string) => void): Promise<void> {
  const found = await processesIn(dataPath);
  if (found.length > 0) {
    log(`Ending the PostgreSQL that an earlier server left behind (process ${found.join(', ')}).`);
    const postmaster = (await readPidFile(dataPath))?.pid;
    // Without a postmaster its processes end by themselves.
    if (postmaster !== undefined && found.includes(postmaster)) signal(postmaster, 'SIGINT');
    const stubborn = await untilNoneIn(dataPath, FAST_SHUTDOWN_MS);
    for (const pid of stubborn) signal(pid, 'SIGKILL');
    const immortal = await untilNoneIn(dataPath, KILL_MS);
    if (immortal.length > 0) {
      throw new DatabaseStartError(
        `PostgreSQL still runs in ${dataPath} (process ${immortal.join(', ')}). End it, then start Stowage again.`,
      );
    }
  }
  await rm(join(dataPath, 'postmaster.pid'), { force: true });
}

/** The process id and, once it listens, the port of the PostgreSQL that runs here or crashed here. */
export async function readPidFile(
  dataPath: string,
): Promise<{ pid: number; port: number | undefined } | undefined> {
  const text = await readFile(join(dataPath, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // PostgreSQL's miscadmin.h: line 1 is the process id, line 4 the port.
  const lines = text.split('\n');
  return { pid: Number(lines[0]), port: lines[3] ? Number(lines[3]) : undefined };
}

async function untilNoneIn(dataPath: string, timeoutMs: number): Promise<number[]> {
  for (const startMs = performance.now(); ; await pause(POLL_MS)) {
    const left = await processesIn(dataPath);
    if (left.length === 0 || performance.now() - startMs > timeoutMs) return left;
  }
}

/** Every PostgreSQL process works in its data directory. */
async function processesIn(dataPath: string): Promise<number[]> {
  const cwd = await realpath(dataPath);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const belongs = await Promise.all(pids.map((pid) => isPostgresIn(cwd, pid)));
  return pids.filter((_, index) => belongs[index]).map(Number);
}

async function isPostgresIn(cwd: string, pid: string): Promise<boolean> {
  try {
    if ((await readlink(`/proc/${pid}/cwd`)) !== cwd) return false;
    return /^postgres\b/.test(basename(await readlink(`/proc/${pid}/exe`)));
  } catch {
    // Gone, a zombie, or somebody else's.
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
