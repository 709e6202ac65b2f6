import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseStartError } from '../database-start-error.js';
import { untilReady } from './first-connection.js';
import { freePort } from './free-port.js';
import { endLeftoverProcesses } from './leftover-processes.js';
import { ServerProcess, type ServerProcessOptions } from './server-process.js';

/** Between asking for a free port and PostgreSQL's taking it, somebody else may take it. */
const PORTS_TRIED = 3;
/** A crash longer than this after the last one counts as the first. */
const STABLE_MS = 60_000;
const MAX_CRASHES = 10;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** A PostgreSQL that stands until it is told to stop: when it crashes, it is started again on the same port. */
export class Postmaster {
  readonly port: number;
  private readonly options: ServerProcessOptions;
  private readonly stopping = new AbortController();
  private readonly watch: Promise<void>;
  private server: ServerProcess;

  private constructor(options: ServerProcessOptions, port: number, server: ServerProcess) {
    this.options = options;
    this.port = port;
    this.server = server;
    this.watch = this.keepUp();
  }

  /** @throws DatabaseStartError with PostgreSQL's last words when it does not come up */
  static async start(options: ServerProcessOptions): Promise<Postmaster> {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const server = new ServerProcess(options, port);
      try {
        await untilReady(server, options.cluster, port);
        return new Postmaster(options, port, server);
      } catch (error) {
        await server.stop();
        if (attempt === PORTS_TRIED) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.server.stop();
    await this.watch;
  }

  private async keepUp(): Promise<void> {
    let crashes = 0;
    for (;;) {
      const upSinceMs = performance.now();
      const how = await this.server.ended;
      if (this.stopping.signal.aborted) return;
      crashes = performance.now() - upSinceMs > STABLE_MS ? 1 : crashes + 1;
      if (crashes > MAX_CRASHES) break;
      this.options.log(`PostgreSQL ended unexpectedly (${how}); starting it again.`);
      await this.startAgain(crashes);
    }
    this.options.log(`PostgreSQL ended ${MAX_CRASHES} times in a row and stays down. Restart Stowage.`);
  }

  /** After a failure the process has ended, which `keepUp` sees as the next crash. */
  private async startAgain(crashes: number): Promise<void> {
    const { signal } = this.stopping;
    try {
      if (crashes > 1)
        await pause(Math.min(FIRST_PAUSE_MS * 2 ** (crashes - 2), LONGEST_PAUSE_MS), null, { signal });
      await endLeftoverProcesses(this.options.cluster.dataPath, this.options.log);
      signal.throwIfAborted();
      this.server = new ServerProcess(this.options, this.port);
      await untilReady(this.server, this.options.cluster, this.port, signal);
    } catch (error) {
      if (!signal.aborted) this.options.log((error as DatabaseStartError).message);
      await this.server.stop();
    }
  }
}
