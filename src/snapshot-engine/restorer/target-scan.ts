import { readSymlink } from '../filesystem/directory-changes.js';
import { readDirectory } from '../filesystem/directory-entries.js';
import { entryStatusIfAny, openStatus, type EntryStatus } from '../filesystem/entry-status.js';
import { isSystemError, OPEN } from '../filesystem/libc.js';
import { closeFd, openBeneath } from '../filesystem/open-beneath.js';
import { nodeTypeOf } from '../snapshot/file-mode.js';
import { bytesOf, pathOf } from './raw-path.js';
import type { TargetDirectories } from './target-directories.js';
import type { TargetEntry } from './target-tree.js';

export interface ScannedEntry extends TargetEntry {
  /** Raw bytes as latin1. */
  readonly name: string;
}

/** What is in a directory of the target; nothing when it is none, or cannot be read. */
export function scanDirectory(directories: TargetDirectories, path: string): ScannedEntry[] {
  let fd: number;
  try {
    // A descriptor of its own: a directory is read once per descriptor.
    fd = openBeneath(directories.root, bytesOf(path), OPEN.readOnly | OPEN.directory);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return [];
    throw error;
  }
  try {
    const { deviceId } = openStatus(directories.root);
    return readDirectory(fd).flatMap(({ name }) => {
      const status = entryStatusIfAny(name, fd);
      return status === undefined ? [] : [scanned(fd, name, status, deviceId)];
    });
  } catch (error) {
    // Closed even to its owner: what is in it is unknown, so it is neither replaced nor deleted.
    if (isSystemError(error, 'EACCES')) return [];
    throw error;
  } finally {
    closeFd(fd);
  }
}

export function targetEntryOf(status: EntryStatus, rootDevice: bigint): TargetEntry {
  return {
    type: nodeTypeOf(status.mode),
    permissions: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    sizeBytes: status.sizeBytes,
    mtimeNs: status.mtimeNs,
    links: status.links,
    file: `${status.deviceId}:${status.inode}`,
    device: status.device,
    sameFileSystem: status.deviceId === rootDevice,
  };
}

function scanned(directory: number, name: Buffer, status: EntryStatus, rootDevice: bigint): ScannedEntry {
  const entry = targetEntryOf(status, rootDevice);
  const linkTarget = entry.type === 'symlink' ? linkTargetOf(directory, name) : undefined;
  return { name: pathOf(name), ...entry, ...(linkTarget !== undefined && { linkTarget }) };
}

function linkTargetOf(directory: number, name: Buffer): string | undefined {
  try {
    return pathOf(readSymlink(directory, name));
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EINVAL')) return undefined;
    throw error;
  }
}
