import { mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { RepositoryError } from '../errors/repository-error.js';
import { removeEntry } from '../filesystem/directory-changes.js';
import { readDirectory } from '../filesystem/directory-entries.js';
import { checked, isSystemError, libc, OPEN } from '../filesystem/libc.js';
import { closeFd, openDirectory, openEntry } from '../filesystem/open-beneath.js';
import { asTargetError } from './entry-failure.js';
import { isReservedName, MARKER_NAME } from './temporary-names.js';

const MARKER = Buffer.from(MARKER_NAME);
const MAX_MARKER_BYTES = 4_096;

/** The directory that a restore writes into, by descriptor: it stays the same when its path changes its meaning. */
export interface TargetRoot {
  readonly fd: number;
  /** Nothing was in it. */
  readonly isEmpty: boolean;
  /**
   * Left by an interrupted restore of the same snapshot. `since-boot` when the machine has not been started since:
   * what was renamed into place is whole. Otherwise the disk may have lost what the names promise.
   */
  readonly resumes: 'no' | 'since-boot' | 'before-boot';
}

/** Opens the target if there is one; changes nothing. Throws `target_unwritable` where `into` does not allow it. */
export function openTarget(
  target: Uint8Array,
  into: 'new-directory' | 'in-place',
  snapshotId: string,
): TargetRoot | undefined {
  let fd: number;
  try {
    fd = openDirectory(target);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw isSystemError(error, 'ENOTDIR')
      ? refused('is not a directory', error)
      : asTargetError(error as Error);
  }
  try {
    return { fd, ...inspect(target, into, snapshotId) };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** As `openTarget`; makes the directory, and notes in it which restore is under way. */
export function prepareTarget(
  target: Uint8Array,
  into: 'new-directory' | 'in-place',
  snapshotId: string,
): TargetRoot {
  try {
    mkdirSync(Buffer.from(target), { recursive: true, mode: 0o700 });
  } catch (error) {
    // A file of that name is told by `openTarget`.
    if (!isSystemError(error, 'EEXIST', 'ENOTDIR')) throw asTargetError(error as Error);
  }
  const root = openTarget(target, into, snapshotId);
  if (root === undefined) throw refused('cannot be made');
  if (into === 'new-directory') writeMarker(root.fd, snapshotId);
  return root;
}

/** The restore into a new directory is complete. */
export function removeMarker(root: number): void {
  try {
    removeEntry(root, MARKER);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
}

/** Bytes that may still be written where the target lies. */
export function freeBytes(root: number): number {
  const { bavail, bsize } = statfsSync(`/proc/self/fd/${root}`);
  return bavail * bsize;
}

interface Marker {
  readonly snapshot: string;
  readonly boot: string;
}

function inspect(
  target: Uint8Array,
  into: 'new-directory' | 'in-place',
  snapshotId: string,
): Pick<TargetRoot, 'isEmpty' | 'resumes'> {
  // A second descriptor, because reading moves the position of the first.
  const fd = openDirectory(target);
  try {
    const names = readDirectory(fd).map(({ name }) => name.toString('latin1'));
    const isEmpty = names.length === 0;
    if (into === 'in-place' || isEmpty) return { isEmpty, resumes: 'no' };
    const marker = readMarker(fd);
    if (marker?.snapshot === snapshotId) {
      return { isEmpty, resumes: marker.boot === bootId() ? 'since-boot' : 'before-boot' };
    }
    if (names.every(isReservedName)) return { isEmpty: false, resumes: 'before-boot' };
    throw refused('is not empty; choose a new directory, or restore in place');
  } finally {
    closeFd(fd);
  }
}

function readMarker(root: number): Marker | undefined {
  let fd: number;
  try {
    fd = openEntry(root, MARKER, OPEN.readOnly | OPEN.nonBlocking);
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(MAX_MARKER_BYTES);
    const length = checked(libc().pread(fd, bytes, bytes.length, 0), 'pread');
    return JSON.parse(bytes.toString('utf8', 0, length)) as Marker;
  } catch {
    // Torn: the crash came while it was written, before anything else was.
    return undefined;
  } finally {
    closeFd(fd);
  }
}

function writeMarker(root: number, snapshot: string): void {
  const marker: Marker = { snapshot, boot: bootId() };
  const bytes = Buffer.from(`${JSON.stringify(marker)}\n`);
  try {
    removeMarker(root);
    const fd = openEntry(root, MARKER, OPEN.writeOnly | OPEN.create | OPEN.exclusive, 0o600);
    try {
      checked(libc().pwrite(fd, bytes, bytes.length, 0), 'pwrite');
    } finally {
      closeFd(fd);
    }
  } catch (error) {
    throw asTargetError(error as Error);
  }
}

/** Changes with every start of the machine. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

function refused(what: string, cause?: unknown): RepositoryError {
  return new RepositoryError('target_unwritable', `The target ${what}.`, undefined, { cause });
}
