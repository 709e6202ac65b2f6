import { checked, isSystemError, libc } from './libc.js';

export interface DataRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

const FALLOC_FL_KEEP_SIZE = 0x01;
const FALLOC_FL_PUNCH_HOLE = 0x02;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const ENXIO = 'ENXIO';
/** File systems keep holes in blocks of this size, or of a multiple. */
export const HOLE_ALIGNMENT_BYTES = 4_096;

/**
 * Takes the disk space of a file in advance and sets its size: a full disk shows now (`ENOSPC`), and blocks that are
 * written out of order lie together. Only sets the size where the file system cannot.
 */
export function preallocate(fd: number, sizeBytes: number): void {
  if (sizeBytes === 0) return;
  try {
    checked(libc().fallocate(fd, 0, 0, sizeBytes), 'fallocate');
  } catch (error) {
    if (!isSystemError(error, 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    setSize(fd, sizeBytes);
  }
}

/** Grows with a hole, or cuts. */
export function setSize(fd: number, sizeBytes: number): void {
  checked(libc().ftruncate(fd, sizeBytes), 'ftruncate');
}

/** Gives a range back to the disk; it reads as zeros. `false` where the file system cannot. */
export function punchHole(fd: number, { offset, lengthBytes }: DataRange): boolean {
  try {
    checked(
      libc().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, lengthBytes),
      'fallocate',
    );
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) return false;
    throw error;
  }
}

/**
 * Ranges of an open file that hold data, ascending; all of it where the file system knows no holes. Moves the
 * descriptor's position. A file that shrinks meanwhile ends early.
 */
export function* dataRanges(fd: number, sizeBytes: number): Generator<DataRange> {
  for (let offset = 0; offset < sizeBytes;) {
    const start = seek(fd, offset, SEEK_DATA);
    if (start === undefined || start >= sizeBytes) return;
    const end = Math.min(seek(fd, start, SEEK_HOLE) ?? sizeBytes, sizeBytes);
    yield { offset: start, lengthBytes: end - start };
    offset = end;
  }
}

/**
 * Runs of zeros in `bytes` that can be holes of a file in which `bytes` begin at `fileOffset`: aligned, and at least
 * `minBytes` long.
 */
export function zeroRuns(bytes: Buffer, fileOffset: number, minBytes = HOLE_ALIGNMENT_BYTES): DataRange[] {
  const runs: DataRange[] = [];
  const step = HOLE_ALIGNMENT_BYTES;
  let from = (step - (fileOffset % step)) % step;
  let run = 0;
  for (; from + step <= bytes.length; from += step) {
    if (isZero(bytes, from, from + step)) run += step;
    else run = closeRun(runs, fileOffset + from, run, minBytes);
  }
  closeRun(runs, fileOffset + from, run, minBytes);
  return runs;
}

function closeRun(runs: DataRange[], end: number, lengthBytes: number, minBytes: number): 0 {
  if (lengthBytes >= minBytes) runs.push({ offset: end - lengthBytes, lengthBytes });
  return 0;
}

const zeros = Buffer.alloc(HOLE_ALIGNMENT_BYTES);

function isZero(bytes: Buffer, start: number, end: number): boolean {
  // Nearly all blocks with content are told by their first, middle and last byte.
  if (bytes[start] !== 0 || bytes[(start + end) >> 1] !== 0 || bytes[end - 1] !== 0) return false;
  return bytes.compare(zeros, 0, end - start, start, end) === 0;
}

/** `undefined`: nothing of that kind until the end. */
function seek(fd: number, offset: number, whence: number): number | undefined {
  try {
    return checked(libc().lseek(fd, offset, whence), 'lseek');
  } catch (error) {
    if (isSystemError(error, ENXIO)) return undefined;
    // No holes are known here: everything is data.
    if (isSystemError(error, 'EINVAL', 'ENOTSUP')) return whence === SEEK_DATA ? offset : undefined;
    throw error;
  }
}
