import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBound, type BoundProcess } from './bound-process.js';

export const AGENT_PROGRAM = fileURLToPath(new URL('../../dist/src/agent/main.js', import.meta.url));

export interface CommandOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host with an agent of its own: the built program, its data folder and a place for workspaces. */
export class HostProcess {
  readonly root = mkdtempSync(join(tmpdir(), 'stowage-host-'));
  readonly dataDir = join(this.root, 'agent');
  readonly workspace = join(this.root, 'workspace');
  #process: BoundProcess | undefined;

  constructor() {
    mkdirSync(this.workspace);
  }

  get pid(): number {
    return this.#process!.child.pid!;
  }

  async enrol(server: string, token: string): Promise<CommandOutcome> {
    const file = join(this.root, 'token');
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    return this.command('enrol', '--server', server, '--token-file', file);
  }

  start(environment: Readonly<Record<string, string>> = {}): void {
    const args = ['--max-semi-space-size=4', AGENT_PROGRAM, 'run', '--data-dir', this.dataDir];
    this.#process = startBound(process.execPath, args, { environment });
  }

  /** A command beside the running agent. */
  command(...args: string[]): Promise<CommandOutcome> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [AGENT_PROGRAM, ...args, '--data-dir', this.dataDir]);
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (piece: Buffer) => (stdout += piece.toString()));
      child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
      child.once('error', reject).once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
  }

  output(): string {
    return this.#process?.output() ?? '';
  }

  /** SIGTERM; answers how it ended. */
  async end(): Promise<number | string> {
    this.#process!.child.kill('SIGTERM');
    return this.#process!.ended;
  }

  async kill(): Promise<void> {
    this.#process!.child.kill('SIGKILL');
    await this.#process!.ended;
  }

  async remove(): Promise<void> {
    await this.#process?.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}
