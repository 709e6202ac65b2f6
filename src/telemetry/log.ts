import { AsyncLocalStorage } from 'node:async_hooks';
import { destination, type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

import { readableLines } from './readable-lines.js';

export type Log = Logger;

interface LogContext {
  readonly requestId: string;
}

/** The request that the current code runs for; its id is on every line written meanwhile. */
const context = new AsyncLocalStorage<LogContext>();

export function withRequestId(requestId: string, run: () => void): void {
  context.run({ requestId }, run);
}

/**
 * One JSON object a line; readable text at a terminal. Lines are written asynchronously, in order; `flushLog` writes what is left. Callers pass
 * chosen fields, never a whole error or request (see `describeError`).
 */
export function createLog(level: string, stream: DestinationStream = standardOutput()): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => context.getStore() ?? {},
    },
    stream,
  );
}

export function flushLog(log: Log): Promise<void> {
  return new Promise((resolve) => log.flush(() => resolve()));
}

/** JSON for machines; a terminal has a person before it. */
function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return destination({ dest: 1, sync: false });
  const lines = readableLines();
  lines.pipe(process.stdout);
  return lines;
}
