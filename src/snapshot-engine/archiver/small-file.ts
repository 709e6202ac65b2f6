import { readSync } from 'node:fs';
import { openStatus, type EntryStatus } from '../filesystem/entry-status.js';
import { closeFd } from '../filesystem/open-beneath.js';
import { isSameVersion, openForReading } from './file-reading.js';
import type { TurnOutput } from './turn-output.js';

/** Files up to this size are never cut: they are read with their directory. */
export const SMALL_FILE_BYTES = 512 * 1_024;

export interface SmallFile {
  readonly plaintext: Buffer;
  /** Nothing changed while it was read. */
  readonly stable: boolean;
}

/** Reads a file of the open directory; `undefined` when this turn has no room left for it. Throws system errors. */
export function readSmallFile(
  directory: number,
  name: Buffer,
  status: EntryStatus,
  output: TurnOutput,
): SmallFile | undefined {
  const { arena } = output;
  if (arena.free < status.sizeBytes + 1) return undefined;
  const fd = openForReading(directory, name);
  try {
    // One byte more than expected shows a file that grows.
    const bytes = readSync(fd, arena.memory, arena.used, status.sizeBytes + 1, null);
    const stable = bytes === status.sizeBytes && isSameVersion(status, openStatus(fd));
    return { plaintext: arena.take(Math.min(bytes, status.sizeBytes)), stable };
  } finally {
    closeFd(fd);
  }
}
