import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startBound, type BoundProcess, type BoundProcessOptions } from './bound-process.js';

const support = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The providers have parameter properties, which Node does not just strip. */
const TYPESCRIPT = [
  '--experimental-transform-types',
  '--disable-warning=ExperimentalWarning',
  '--import',
  support('./typescript-hooks.mjs'),
];

export interface EngineProcessOptions extends BoundProcessOptions {
  /** A program that starts it, with its arguments. */
  readonly within?: readonly string[];
}

/**
 * A process of its own that runs the engine, by a program in this folder. Its settings are its argument; what it is
 * told later, and what it tells, are JSON lines.
 */
export class EngineProcess<Message extends object> {
  readonly heard: Message[] = [];
  readonly #bound: BoundProcess;
  /** Everything that it has said is heard before. */
  readonly ended: Promise<number | string>;

  constructor(
    program: 'restoring-process.ts' | 'archiving-process.ts' | 'watching-process.ts',
    settings: object,
    { within = [], ...options }: EngineProcessOptions = {},
  ) {
    const node = [process.execPath, ...TYPESCRIPT, support(program), JSON.stringify(settings)];
    const [command, ...args] = [...within, ...node] as [string, ...string[]];
    this.#bound = startBound(command, args, options);
    const lines = createInterface({ input: this.#bound.child.stdout! });
    lines.on('line', (line) => {
      this.heard.push(JSON.parse(line) as Message);
      this.#bound.child.emit('heard');
    });
    const closed = once(lines, 'close');
    this.ended = this.#bound.ended.then(async (how) => {
      await closed;
      return how;
    });
  }

  /** The first message of which `isIt` holds. Rejects with the process's output when it ends without. */
  async hear<Wanted extends Message>(isIt: (message: Message) => message is Wanted): Promise<Wanted> {
    for (;;) {
      const message = this.heard.find(isIt);
      if (message !== undefined) return message;
      const how = await Promise.race([once(this.#bound.child, 'heard').then(() => undefined), this.ended]);
      if (how === undefined || this.heard.some(isIt)) continue;
      throw new Error(`The engine's process ended with ${how}:\n${this.#bound.output()}`);
    }
  }

  /** Says something, and hears the next message. */
  async ask(question: object): Promise<Message> {
    const count = this.heard.length;
    this.#bound.child.stdin!.write(`${JSON.stringify(question)}\n`);
    await this.hear((message): message is Message => this.heard.indexOf(message) >= count);
    return this.heard[count]!;
  }

  /** Ends it after what it was asked. */
  async close(): Promise<void> {
    this.#bound.child.stdin!.end();
    await this.succeeds();
  }

  /** SIGKILL; nothing of it runs any longer when this resolves. */
  async kill(): Promise<void> {
    this.#bound.child.kill('SIGKILL');
    await this.ended;
  }

  /** Rejects unless it ends by itself with 0. */
  async succeeds(): Promise<void> {
    const how = await this.ended;
    if (how !== 0) throw new Error(`The engine's process ended with ${how}:\n${this.#bound.output()}`);
  }
}
