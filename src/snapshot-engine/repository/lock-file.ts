import { jsonFields, textField } from './json-fields.js';

/** `append` adds to the repository and may be held by many; `exclusive` removes from it and is held alone. */
export type LockMode = 'append' | 'exclusive';

/** Whom others see in a lock. */
export interface LockHolder {
  readonly hostname: string;
  readonly username: string;
  readonly pid: number;
}

export interface LockFile extends LockHolder {
  readonly mode: LockMode;
  /** Milliseconds since the epoch by the holder's clock; NaN when it cannot be read. */
  readonly timeMs: number;
}

/** The JSON that restic seals as a lock. */
export function encodeLockFile({ mode, timeMs, hostname, username, pid }: LockFile): string {
  const time = new Date(timeMs).toISOString();
  return JSON.stringify({ time, exclusive: mode === 'exclusive', hostname, username, pid });
}

/** Liberal: whatever is not plainly a lock for appending counts as exclusive. */
export function parseLockFile(json: Uint8Array, subject: string): LockFile {
  const { time, exclusive, hostname, username, pid } = jsonFields(json, subject);
  return {
    mode: exclusive === false || exclusive === undefined ? 'append' : 'exclusive',
    timeMs: typeof time === 'string' ? Date.parse(time) : NaN,
    hostname: textField(hostname),
    username: textField(username),
    pid: typeof pid === 'number' ? pid : 0,
  };
}
