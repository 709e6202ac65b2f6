import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { childEnvironment } from '../../config/child-environment.js';
import type { DemoApi } from './demo-api.js';

const AGENT = join(fileURLToPath(import.meta.url), '../../../agent/main.js');

/** An agent on a "host" of its own: a process with a folder. */
export class DemoAgent {
  #process: ChildProcess | undefined;

  private constructor(
    readonly id: string,
    readonly name: string,
    private readonly dataDir: string,
  ) {}

  /** Enrols with a one-time token, as on a rented machine, and starts it. */
  static async start(api: DemoApi, name: string, dataDir: string): Promise<DemoAgent> {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const { token } = await api.json<{ token: string }>('POST', '/api/v1/agents/enrolment-tokens', { name });
    const tokenFile = join(dataDir, 'token');
    writeFileSync(tokenFile, token, { mode: 0o600 });
    const enrol = ['enrol', '--server', api.url, '--token-file', tokenFile, '--data-dir', dataDir];
    await promisify(execFile)(process.execPath, [AGENT, ...enrol], { env: childEnvironment({}) });
    const { data } = await api.json<{ data: readonly { id: string; name: string }[] }>(
      'GET',
      '/api/v1/agents',
    );
    const { id } = data.find((agent) => agent.name === name)!;
    const agent = new DemoAgent(id, name, dataDir);
    agent.#run();
    return agent;
  }

  /** As the power going out. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  #run(): void {
    this.#process = spawn(process.execPath, [AGENT, 'run', '--data-dir', this.dataDir], {
      stdio: 'ignore',
      env: childEnvironment({}),
      detached: true,
    });
    const child = this.#process;
    process.once('exit', () => void child.kill('SIGKILL'));
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}
