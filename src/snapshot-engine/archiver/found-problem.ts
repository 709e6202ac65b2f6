import type { FoundProblem } from './turn.js';

/** What a system error means for the file or directory at `path`. Rethrows everything else. */
export function problemOf(error: unknown, path: Buffer): FoundProblem {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) throw error;
  const vanished = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ESTALE';
  return { path, reason: vanished ? 'vanished' : 'unreadable', systemCode: code };
}
