import { AsyncLocalStorage } from 'node:async_hooks';
import { destination, type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

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
 * One JSON object a line. Lines are written asynchronously, in order; `flushLog` writes what is left. Callers pass
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

function standardOutput(): DestinationStream {
  return destination({ dest: 1, sync: false });
}
