import { readSync } from 'node:fs';
import type { EntryStatus } from '../filesystem/entry-status.js';
import { isSystemError, OPEN } from '../filesystem/libc.js';
import { openEntry } from '../filesystem/open-beneath.js';

/** Does not count as an access. Only the owner and root may ask for it. */
const NO_ACCESS_TIME = 0o1000000;
/** A FIFO that took the file's place must not stop the thread, and a link must not lead elsewhere. */
export const READING_FLAGS = OPEN.readOnly | OPEN.noFollow | OPEN.nonBlocking | OPEN.closeOnExec;

/** Opens a file of an open directory for reading, without following a symbolic link. */
export function openForReading(directory: number, name: Uint8Array): number {
  return withoutAccessTime((extra) => openEntry(directory, name, READING_FLAGS | extra));
}

/** Opens with the flag that leaves the access time alone, and without it where that is not allowed. */
export function withoutAccessTime(open: (extraFlags: number) => number): number {
  try {
    return open(NO_ACCESS_TIME);
  } catch (error) {
    if (!isSystemError(error, 'EPERM')) throw error;
    return open(0);
  }
}

/** Fills `target` from the file's `position`; fewer bytes only at the file's end. */
export function readFully(fd: number, target: Buffer, position: number): number {
  let filled = 0;
  while (filled < target.length) {
    const bytes = readSync(fd, target, filled, target.length - filled, position + filled);
    if (bytes === 0) break;
    filled += bytes;
  }
  return filled;
}

/** Whether it is the same file with, as far as one can tell, the same content. */
export function isSameVersion(before: EntryStatus, after: EntryStatus): boolean {
  return (
    before.sizeBytes === after.sizeBytes &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs &&
    before.inode === after.inode &&
    before.deviceId === after.deviceId
  );
}

/**
 * Whether the file may change once more without a new time stamp. The change time tells: no program can set it. Some
 * network file systems have none.
 */
export function isRacy({ ctimeNs, mtimeNs }: EntryStatus, settledBeforeNs: bigint): boolean {
  return (ctimeNs > 0n ? ctimeNs : mtimeNs) >= settledBeforeNs;
}
