import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Command, Reply } from './commands.ts';

/** Lets Node run sources that import each other. */
export const HOOKS = fileURLToPath(new URL('../../test/support/typescript-hooks.mjs', import.meta.url));

const STOP_LIMIT_MS = 15_000;
const OUTPUT_KEPT_CHARS = 8000;

/** The server under test runs alone on the first core; client, sink and database share the second. */
export const SERVER_CORE = 0;
export const HARNESS_CORE = 1;
export const pinned = availableParallelism() >= 2;

/** Puts a command on one core, where there is more than one, and makes it end when this process ends in any way. */
function onCore(core: number, command: readonly string[]): string[] {
  const bound = ['setpriv', '--pdeathsig', 'TERM', ...command];
  return pinned ? ['taskset', '-c', String(core), ...bound] : bound;
}

/** A process that this run started. It speaks commands when `script` is one of the benchmark's own. */
export class Child {
  private readonly process: ChildProcess;
  private readonly waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  private commands = 0;
  private output = '';

  constructor(
    core: number,
    command: readonly string[],
    { env, quiet = false }: { env?: NodeJS.ProcessEnv; quiet?: boolean } = {},
  ) {
    const [program = '', ...args] = onCore(core, command);
    const stdio = ['ignore', quiet ? 'ignore' : 'pipe', 'pipe', 'ipc'] as const;
    this.process = spawn(program, args, { stdio: [...stdio], env: env ?? process.env });
    this.process.stdout?.on('data', (text) => this.keep(String(text)));
    this.process.stderr?.on('data', (text) => this.keep(String(text)));
    this.process.on('message', (reply: Reply) => this.settle(reply));
    this.process.on('error', (error) => this.failAll(error));
    this.process.on('exit', (code, signal) =>
      this.failAll(new Error(`process ended (${signal ?? code})\n${this.output}`)),
    );
  }

  /** Starts one of the benchmark's own scripts, given relative to this folder. */
  static script(core: number, path: string, env?: NodeJS.ProcessEnv): Child {
    const file = fileURLToPath(new URL(path, import.meta.url));
    return new Child(core, [process.execPath, '--import', HOOKS, file], { env });
  }

  get pid(): number {
    const { pid } = this.process;
    if (pid === undefined) throw new Error(`process did not start\n${this.output}`);
    return pid;
  }

  get ended(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** The last output, for error messages. */
  get lastOutput(): string {
    return this.output;
  }

  async ask<Value>(name: string, argument?: unknown): Promise<Value> {
    if (this.ended) throw new Error(`process has ended\n${this.output}`);
    const id = ++this.commands;
    const answer = new Promise<unknown>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.process.send({ id, name, argument } satisfies Command);
    return (await answer) as Value;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.ended || this.process.pid === undefined) return;
    const exit = once(this.process, 'exit');
    const force = setTimeout(() => this.process.kill('SIGKILL'), STOP_LIMIT_MS);
    this.process.kill(signal);
    await exit;
    clearTimeout(force);
  }

  private keep(text: string): void {
    this.output = (this.output + text).slice(-OUTPUT_KEPT_CHARS);
  }

  private settle({ id, value, error }: Reply): void {
    const waiter = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiter?.resolve(value);
    else waiter?.reject(new Error(error));
  }

  private failAll(error: Error): void {
    for (const waiter of this.waiting.values()) waiter.reject(error);
    this.waiting.clear();
  }
}
