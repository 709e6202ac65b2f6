import type { IncomingMessage } from 'node:http';

/**
 * The bytes of a request, failing with `onIdle()` when the client sends nothing for `idleMs` and with an
 * `aborted` error when the connection breaks early. Abandoned half-way, the rest can still be drained: the
 * client then reads the answer instead of a reset.
 */
export async function* timedBody(
  message: IncomingMessage,
  idleMs: number,
  onIdle: () => Error,
): AsyncGenerator<Buffer> {
  for (;;) {
    const chunk = message.read() as Buffer | null;
    if (chunk !== null) yield chunk;
    else if (message.readableEnded) return;
    else if (message.destroyed) throw new Error('aborted');
    else await progress(message, idleMs, onIdle);
  }
}

function progress(message: IncomingMessage, idleMs: number, onIdle: () => Error): Promise<void> {
  return new Promise((resolve, reject) => {
    const events = ['readable', 'end', 'close', 'error'] as const;
    const settle = (error?: Error) => {
      clearTimeout(timer);
      for (const event of events) message.off(event, proceed);
      if (error) reject(error);
      else resolve();
    };
    const proceed = () => settle();
    const timer = setTimeout(() => settle(onIdle()), idleMs);
    for (const event of events) message.on(event, proceed);
  });
}
