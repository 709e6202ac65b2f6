/** What the orchestrator sends to one of its processes, and what comes back. */
export interface Command {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** Answers the orchestrator's commands until it goes away; then this process ends too. */
export function answerCommands(handlers: Handlers): void {
  process.on('message', (command: Command) => void answer(command, handlers));
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole process group; the orchestrator decides when its processes end.
  process.on('SIGINT', () => undefined);
}

async function answer(command: Command, handlers: Handlers): Promise<void> {
  const reply = await run(command, handlers);
  process.send?.(reply);
}

async function run({ id, name, argument }: Command, handlers: Handlers): Promise<Reply> {
  try {
    const handler = handlers[name];
    if (!handler) throw new Error(`unknown command ${name}`);
    return { id, value: await handler(argument as never) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
