import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../config/child-environment.js';

/** Of the build; nothing of it is loaded here. */
const PROGRAM = fileURLToPath(new URL('../../agent/main.js', import.meta.url));
/** A server has better uses for its memory. */
const NODE_OPTIONS = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];
/** Of one line that is passed on. */
const MAX_LINE_CHARS = 8_192;

export interface AgentProcessOptions {
  /** Command and options, as somebody types them. */
  readonly args: readonly string[];
  /** Written to its standard input, which then ends; absent: it stays open as long as this process lives. */
  readonly input?: string;
  readonly onLine: (line: string) => void;
}

/** One run of the agent's program. `run --supervised` ends when its standard input does: at the latest with us. */
export class AgentProcess {
  /** Resolves with how it ended: `code 1`, `signal SIGKILL`, or why it could not be run. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #hasEnded = false;

  constructor({ args, input, onLine }: AgentProcessOptions) {
    const child = spawn(process.execPath, [...NODE_OPTIONS, PROGRAM, ...args], {
      env: childEnvironment({}),
      stdio: ['pipe', 'ignore', 'pipe'],
      // Out of our process group: Ctrl-C is for us, who still answer it while it ends.
      detached: true,
    });
    this.#child = child;
    this.ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `code ${code}`));
    }).finally(() => (this.#hasEnded = true));
    // It may end before it has read everything.
    child.stdin.on('error', () => undefined);
    if (input !== undefined) child.stdin.end(input);
    createInterface({ input: child.stderr }).on('line', (line) => onLine(line.slice(0, MAX_LINE_CHARS)));
  }

  /** SIGTERM, and SIGKILL when that is not heeded within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    if (this.#hasEnded) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.ended;
    clearTimeout(timer);
  }
}
