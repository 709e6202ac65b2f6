import { hash } from 'node:crypto';
import { entryStatusIfAny, FILE_TYPE, openStatus } from '../filesystem/entry-status.js';
import { checked, isSystemError, libc, OPEN } from '../filesystem/libc.js';
import { closeFd, openEntry } from '../filesystem/open-beneath.js';
import type { FileWriter } from './file-writer.js';
import { bytesOf, nameOf } from './raw-path.js';
import type { TargetDirectories } from './target-directories.js';

/** A blob's place in a file on this disk. */
export interface PresentPart {
  readonly id: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface Comparison {
  readonly path: string;
  readonly from: 'target' | 'temporary';
  readonly parts: readonly PresentPart[];
}

/** For each part 1 when the disk has exactly its bytes; all 0 when there is no file that can be read. */
export function compareFile(
  directories: TargetDirectories,
  writer: FileWriter,
  { path, from, parts }: Comparison,
): Uint8Array {
  const present = new Uint8Array(parts.length);
  const compare = (read: Read, sizeBytes: number): void => {
    const scratch = Buffer.allocUnsafe(parts.reduce((max, { lengthBytes }) => Math.max(max, lengthBytes), 0));
    for (const [index, part] of parts.entries()) {
      if (part.offset + part.lengthBytes > sizeBytes) return;
      present[index] = isPresent(part, read, scratch) ? 1 : 0;
    }
  };
  try {
    if (from === 'temporary') {
      compare((into, offset) => writer.readPart(path, into, offset), writer.sizeOf(path));
    } else {
      withTargetFile(directories, path, compare);
    }
  } catch (error) {
    if (isSystemError(error, 'EIO')) throw error;
    present.fill(0);
  } finally {
    writer.forget(path);
  }
  return present;
}

/**
 * Copies parts from the file that lies at `path` into its successor. Verified again: the file may have changed since it
 * was compared.
 */
export function copyPresent(
  directories: TargetDirectories,
  writer: FileWriter,
  path: string,
  parts: readonly PresentPart[],
): void {
  if (parts.length === 0) return;
  withTargetFile(directories, path, (read) => {
    for (const part of parts) {
      const content = Buffer.allocUnsafe(part.lengthBytes);
      const length = read(content, part.offset);
      if (length !== part.lengthBytes || hash('sha256', content) !== part.id) {
        throw new Error('The file was changed while it was being restored.');
      }
      writer.writePart(path, content, part.offset);
    }
  });
}

type Read = (into: Buffer, offset: number) => number;
type Use = (read: Read, sizeBytes: number) => void;

function isPresent({ id, offset, lengthBytes }: PresentPart, read: Read, scratch: Buffer): boolean {
  const content = scratch.subarray(0, lengthBytes);
  return read(content, offset) === lengthBytes && hash('sha256', content) === id;
}

function withTargetFile(directories: TargetDirectories, path: string, use: Use): void {
  const parent = directories.parentOf(path);
  const name = bytesOf(nameOf(path));
  const status = entryStatusIfAny(name, parent);
  if (status === undefined || (status.mode & FILE_TYPE.mask) !== FILE_TYPE.file) {
    throw new Error('The file was changed while it was being restored.');
  }
  const fd = openEntry(parent, name, OPEN.readOnly | OPEN.nonBlocking);
  try {
    const opened = openStatus(fd);
    if ((opened.mode & FILE_TYPE.mask) !== FILE_TYPE.file) return;
    use((into, offset) => checked(libc().pread(fd, into, into.length, offset), 'pread'), opened.sizeBytes);
  } finally {
    closeFd(fd);
  }
}
