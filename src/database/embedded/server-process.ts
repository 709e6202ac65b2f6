import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Binaries } from './binaries.js';
import type { Cluster } from './cluster.js';
import type { RunAs } from './run-as.js';

export interface ServerProcessOptions {
  readonly binaries: Binaries;
  readonly runAs: RunAs;
  readonly cluster: Cluster;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (message: string) => void;
}

const KEPT_LINES = 20;
const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 5_000;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // What was acknowledged survives a power cut.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // Statements and the values in them stay out of the log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  jit: 'off',
};

/** One run of the postgres program. */
export class ServerProcess {
  /** Resolves with how it ended: `code 1`, `signal SIGKILL`, or why it could not be run. */
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;
  private readonly lastLines: string[] = [];
  private hasEnded = false;

  constructor(options: ServerProcessOptions, port: number) {
    const { runAs, binaries, cluster } = options;
    const settings = { ...SETTINGS, ...options.settings, port: String(port) };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const command = [...runAs.wrapper, ...runAs.diesWithParent, binaries.postgres, '-D', cluster.dataPath];
    this.child = spawn(command[0]!, [...command.slice(1), ...args], {
      ...runAs.identity,
      cwd: '/',
      env: binaries.environment,
      stdio: ['ignore', 'ignore', 'pipe'],
      // Out of our process group: Ctrl-C is for us, who still have requests to finish.
      detached: true,
    });
    this.ended = new Promise<string>((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `code ${code}`));
    }).finally(() => (this.hasEnded = true));
    createInterface({ input: this.child.stderr! }).on('line', (line) => {
      this.lastLines.push(line);
      if (this.lastLines.length > KEPT_LINES) this.lastLines.shift();
      // The answer to our own asking whether it is ready.
      if (!line.includes('the database system is starting up')) options.log(`postgres: ${line}`);
    });
  }

  /** What PostgreSQL said last, for an error message. */
  get lastWords(): string {
    return this.lastLines.join('\n');
  }

  /** A fast shutdown: open transactions are rolled back, everything is written. Harder if that takes too long. */
  async stop(): Promise<void> {
    const steps = [
      ['SIGINT', FAST_SHUTDOWN_MS],
      ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
      ['SIGKILL', IMMEDIATE_SHUTDOWN_MS],
    ] as const;
    for (const [signal, patienceMs] of steps) {
      if (this.hasEnded) return;
      this.child.kill(signal);
      await this.endsWithin(patienceMs);
    }
  }

  private endsWithin(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      void this.ended.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
