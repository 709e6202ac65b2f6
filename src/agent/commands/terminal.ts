import { styleText } from 'node:util';
import { formatBytes } from './amounts.js';

export interface TerminalOptions {
  /** Results as JSON lines, each with its `message_type` first. */
  readonly json: boolean;
  /** Nothing but results and errors. */
  readonly quiet: boolean;
  /** Without colours. */
  readonly plain: boolean;
  readonly stdout?: NodeJS.WriteStream;
  readonly stderr?: NodeJS.WriteStream;
}

export interface ShownProgress {
  readonly what: string;
  readonly filesDone: number;
  readonly filesTotal?: number;
  readonly bytesDone: number;
  readonly bytesTotal?: number;
  readonly bytesPerSecond?: number;
  readonly remainingMs?: number;
  readonly currentPath?: string;
}

type Tone = 'red' | 'yellow' | 'green' | 'dim' | 'bold';

/** Where no terminal shows a bar. */
const LINE_EVERY_MS = 10_000;
const BAR_WIDTH = 24;

/** Results go to the standard output, everything that people read meanwhile to the standard error. */
export class Terminal {
  readonly json: boolean;
  readonly #options: TerminalOptions;
  readonly #stdout: NodeJS.WriteStream;
  readonly #stderr: NodeJS.WriteStream;
  #hasBar = false;
  #lastLineMs = -Infinity;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.json = options.json;
    this.#stdout = options.stdout ?? process.stdout;
    this.#stderr = options.stderr ?? process.stderr;
  }

  /** Whether somebody can be asked. */
  get isInteractive(): boolean {
    return this.#stderr.isTTY && process.stdin.isTTY && !this.json;
  }

  /** A result: `message` as JSON, or `text` for people. */
  result(message: { readonly message_type: string }, text: string): void {
    this.#clearBar();
    this.#stdout.write(`${this.json ? JSON.stringify(message) : text}\n`);
  }

  explain(text: string): void {
    if (this.#options.quiet) return;
    this.#clearBar();
    this.#stderr.write(`${text}\n`);
  }

  /** Also when quiet. */
  fail(code: string, detail: string): void {
    this.#clearBar();
    if (this.json) this.#stdout.write(`${JSON.stringify({ message_type: 'error', code, detail })}\n`);
    else this.#stderr.write(`${this.tint('red', 'error')} ${detail} (${code})\n`);
  }

  /** A bar on a terminal, a line every ten seconds elsewhere, every look as JSON. */
  progress(shown: ShownProgress): void {
    if (this.json) {
      const { what, filesDone, filesTotal, bytesDone, bytesTotal, bytesPerSecond, currentPath } = shown;
      const counts = {
        files_done: filesDone,
        files_total: filesTotal,
        bytes_done: bytesDone,
        bytes_total: bytesTotal,
      };
      const more = { bytes_per_second: bytesPerSecond, current_path: currentPath };
      this.#stdout.write(`${JSON.stringify({ message_type: 'progress', what, ...counts, ...more })}\n`);
      return;
    }
    if (this.#options.quiet) return;
    if (this.#stderr.isTTY) {
      const width = this.#stderr.columns || 80;
      this.#stderr.write(`\r\u001b[2K${progressLine(shown).slice(0, width - 1)}`);
      this.#hasBar = true;
    } else if (performance.now() - this.#lastLineMs >= LINE_EVERY_MS) {
      this.#lastLineMs = performance.now();
      this.#stderr.write(`${progressLine(shown)}\n`);
    }
  }

  /** The answer of the person at the terminal; the end of the input and the signal are a no. */
  async confirm(question: string, signal: AbortSignal): Promise<boolean> {
    const { createInterface } = await import('node:readline/promises');
    const asking = createInterface({ input: process.stdin, output: this.#stderr });
    // The question has taken Ctrl-C from the process: it means what it means everywhere else.
    asking.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    try {
      return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `, { signal })).trim());
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error;
      this.#stderr.write('\n');
      return false;
    } finally {
      asking.close();
    }
  }

  tint(tone: Tone, text: string): string {
    if (this.#options.plain || this.json) return text;
    return styleText(tone, text, { stream: this.#stdout });
  }

  #clearBar(): void {
    if (this.#hasBar) this.#stderr.write('\r\u001b[2K');
    this.#hasBar = false;
  }
}

export function progressLine(shown: ShownProgress): string {
  const { what, filesDone, filesTotal, bytesDone, bytesTotal, bytesPerSecond, remainingMs, currentPath } =
    shown;
  const part = bytesTotal ? Math.min(1, bytesDone / bytesTotal) : undefined;
  const parts = [
    what,
    part !== undefined && `${barOf(part)} ${Math.floor(part * 100)} %`,
    `${filesDone}${filesTotal === undefined ? '' : ` of ${filesTotal}`} files`,
    `${formatBytes(bytesDone)}${bytesTotal === undefined ? '' : ` of ${formatBytes(bytesTotal)}`}`,
    bytesPerSecond !== undefined && `${formatBytes(bytesPerSecond)}/s`,
    remainingMs !== undefined && `${Math.ceil(remainingMs / 1_000)} s left`,
    currentPath,
  ];
  return parts.filter((each) => each !== false && each !== undefined).join('  ');
}

function barOf(part: number): string {
  const full = Math.round(part * BAR_WIDTH);
  return `[${'='.repeat(full)}${' '.repeat(BAR_WIDTH - full)}]`;
}
