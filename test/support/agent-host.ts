import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startBound, type BoundProcess } from './bound-process.js';

const AGENT = fileURLToPath(new URL('../../dist/src/agent/main.js', import.meta.url));
const STOP_TIMEOUT_MS = 30_000;

/** The built agent as a process with a folder of its own, as on a rented machine. */
export class AgentHost {
  readonly dataDir: string;
  #process: BoundProcess | undefined;

  constructor(readonly folder: string) {
    this.dataDir = join(folder, 'agent');
    mkdirSync(this.dataDir, { recursive: true, mode: 0o700 });
  }

  /** With a one-time token. */
  async enrol(server: string, token: string): Promise<void> {
    const file = join(this.folder, 'token');
    writeFileSync(file, token, { mode: 0o600 });
    await this.command('enrol', '--server', server, '--token-file', file);
  }

  /** Runs a command of the agent to its end. */
  async command(...args: readonly string[]): Promise<string> {
    const all = [AGENT, ...args, '--data-dir', this.dataDir];
    const { stdout } = await promisify(execFile)(process.execPath, all);
    return stdout;
  }

  start(): void {
    this.#process = startBound(process.execPath, [AGENT, 'run', '--data-dir', this.dataDir]);
  }

  /** The last of what the running agent wrote. */
  output(): string {
    return this.#process?.output() ?? '';
  }

  async kill(): Promise<void> {
    this.#process?.child.kill('SIGKILL');
    await this.#process?.ended;
  }

  async stop(): Promise<void> {
    await this.#process?.stop(STOP_TIMEOUT_MS);
  }
}
