import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseStartError } from '../database-start-error.js';
import { SYSTEM_PATH } from './binaries.js';

/** util-linux's flock ends with this when another process holds the lock. */
const CONFLICT = 75;
/** Time for a predecessor that is just ending. */
const WAIT_SECONDS = 3;

/**
 * The right to run PostgreSQL in a data directory, held by at most one living process: also among containers that
 * mount the same volume, which cannot see each other's process ids in postmaster.pid. Node cannot flock(2), so a
 * child holds the lock; it reads a pipe from us and therefore ends whenever and however this process ends.
 */
export class DirectoryLock {
  private readonly holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.holder = holder;
  }

  /**
   * @returns undefined when another process holds it
   * @throws DatabaseStartError when locks cannot be had here
   */
  static async acquire(
    dataDir: string,
    { waitSeconds = WAIT_SECONDS }: { waitSeconds?: number } = {},
  ): Promise<DirectoryLock | undefined> {
    const patience = ['--timeout', String(waitSeconds), '--conflict-exit-code', String(CONFLICT)];
    const hold = ['sh', '-c', 'echo held && exec cat'];
    const holder = spawn('flock', [...patience, '--no-fork', join(dataDir, 'postgres.lock'), ...hold], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: SYSTEM_PATH },
      // Out of our process group: Ctrl-C must not take the lock away while we are still shutting down.
      detached: true,
    });
    let said = '';
    holder.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(holder, 'close').then(([code]) => Number(code));
    const failed = once(holder, 'error').then(([error]) => Promise.reject(unavailable(String(error))));
    const outcome = await Promise.race([once(holder.stdout, 'data').then(() => 'held'), ended, failed]);
    if (outcome === 'held') return new DirectoryLock(holder);
    if (outcome === CONFLICT) return undefined;
    throw unavailable(said.trim());
  }

  async release(): Promise<void> {
    if (this.holder.exitCode !== null || this.holder.signalCode !== null) return;
    const ended = once(this.holder, 'close');
    this.holder.stdin!.end();
    await ended;
  }
}

function unavailable(reason: string): DatabaseStartError {
  return new DatabaseStartError(
    `The embedded database's folder cannot be locked (${reason}). Install flock (package util-linux) and check that ` +
      'DATA_DIR is writable, or set DATABASE_URL to a PostgreSQL 15 or newer.',
  );
}
