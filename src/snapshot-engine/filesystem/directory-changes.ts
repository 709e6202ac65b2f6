import { AT_FDCWD, checked, cString, isSystemError, libc, OPEN } from './libc.js';
import { closeFd, entryName, openEntry } from './open-beneath.js';

const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_NOFOLLOW = 0x100;
const RENAME_NOREPLACE = 1;

/**
 * Changes in an open directory, each to one name (`EINVAL` for anything else). No link is followed, and a directory
 * that is renamed or replaced meanwhile cannot redirect them.
 */
export function makeDirectory(directory: number, name: Uint8Array, permissions: number): void {
  checked(libc().mkdirat(directory, entryName(name, 'mkdirat'), permissions), 'mkdirat', name);
}

/** Removes a file, link or special file. */
export function removeEntry(directory: number, name: Uint8Array): void {
  checked(libc().unlinkat(directory, entryName(name, 'unlinkat'), 0), 'unlinkat', name);
}

/** Removes an empty directory. */
export function removeDirectory(directory: number, name: Uint8Array): void {
  checked(libc().unlinkat(directory, entryName(name, 'unlinkat'), AT_REMOVEDIR), 'unlinkat', name);
}

/** Renames within a directory, or from one to another; what lies under the new name is replaced at once. */
export function renameEntry(
  directory: number,
  from: Uint8Array,
  to: Uint8Array,
  toDirectory = directory,
): void {
  const [old, name] = [entryName(from, 'renameat'), entryName(to, 'renameat')];
  checked(libc().renameat(directory, old, toDirectory, name), 'renameat', to);
}

/** As `renameEntry`, but `EEXIST` when the new name is taken; best effort on file systems that cannot promise it. */
export function renameNewEntry(directory: number, from: Uint8Array, to: Uint8Array): void {
  const [old, name] = [entryName(from, 'renameat2'), entryName(to, 'renameat2')];
  try {
    checked(libc().renameat2(directory, old, directory, name, RENAME_NOREPLACE), 'renameat2', to);
  } catch (error) {
    if (!isSystemError(error, 'EINVAL', 'ENOSYS')) throw error;
    renameEntry(directory, from, to);
  }
}

/** A second name for a file. `EEXIST` when the name is taken; of a link, the link itself. */
export function linkEntry(
  directory: number,
  name: Uint8Array,
  toDirectory: number,
  second: Uint8Array,
): void {
  const [old, added] = [entryName(name, 'linkat'), entryName(second, 'linkat')];
  checked(libc().linkat(directory, old, toDirectory, added, 0), 'linkat', second);
}

/** A symbolic link; its target is any bytes without NUL and is not looked at. */
export function makeSymlink(directory: number, name: Uint8Array, target: Uint8Array): void {
  const terminated = cString(target, 'symlinkat');
  checked(libc().symlinkat(terminated, directory, entryName(name, 'symlinkat')), 'symlinkat', name);
}

/** The raw target of a symbolic link. */
export function readSymlink(directory: number, name: Uint8Array): Buffer {
  const terminated = entryName(name, 'readlinkat');
  const length = checked(libc().readlinkat(directory, terminated, linked, linked.length), 'readlinkat', name);
  return Buffer.from(linked.subarray(0, length));
}

/** Permission bits with setuid, setgid and sticky; not of links, which have none. */
export function setOpenPermissions(fd: number, permissions: number): void {
  checked(libc().fchmod(fd, permissions), 'fchmod');
}

/**
 * As `setOpenPermissions` by name, for what cannot be opened. The entry is held by a descriptor meanwhile, because
 * `chmod` would follow a link that takes its name; a link itself is refused.
 */
export function setPermissions(directory: number, name: Uint8Array, permissions: number): void {
  const fd = openEntry(directory, name, OPEN.pathOnly);
  try {
    const held = cString(Buffer.from(`/proc/self/fd/${fd}`), 'fchmodat');
    checked(libc().fchmodat(AT_FDCWD, held, permissions, 0), 'fchmodat', name);
  } finally {
    closeFd(fd);
  }
}

export function setOpenOwner(fd: number, uid: number, gid: number): void {
  checked(libc().fchown(fd, uid, gid), 'fchown');
}

/** Of a link itself. Clears setuid and setgid: owners first, then permissions. */
export function setOwner(directory: number, name: Uint8Array, uid: number, gid: number): void {
  const terminated = entryName(name, 'fchownat');
  checked(libc().fchownat(directory, terminated, uid, gid, AT_SYMLINK_NOFOLLOW), 'fchownat', name);
}

/** Longest target that Linux knows. */
const linked = Buffer.allocUnsafeSlow(4_096);
