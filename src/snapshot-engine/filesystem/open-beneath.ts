import { checked, cString, lastErrno, libc, OPEN, systemError } from './libc.js';

/** The same number on x64 and arm64; since Linux 5.6. */
const OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const SLASH = 0x2f;
const ENOSYS = 38;
const EPERM = 1;
const EAGAIN = 11;
const MAX_RACES = 64;

/**
 * Opens `path` (relative, `/` between names; empty for the root itself) below the directory `root`. No link on the
 * way or at the end is followed (`ELOOP`) and nothing outside can be reached (`EXDEV`), whatever others change
 * meanwhile. The descriptor is the caller's to close, with `closeFd`.
 */
export function openBeneath(root: number, path: Uint8Array, flags: number, mode = 0): number {
  if (path.length === 0) return openStepwise(root, ['.'], flags, mode, path);
  if (openat2Works) {
    const fd = openAtOnce(root, path, flags, mode);
    if (fd !== undefined) return fd;
    openat2Works = false;
  }
  return openStepwise(root, namesOf(path), flags, mode, path);
}

/** As `openBeneath`, for a directory: `ENOTDIR` when it is none. */
export function openDirectoryBeneath(root: number, path: Uint8Array): number {
  return openBeneath(root, path, OPEN.readOnly | OPEN.directory);
}

/** Opens a directory by any path; links are followed. For the root of what then stays beneath it. */
export function openDirectory(path: Uint8Array): number {
  const flags = OPEN.readOnly | OPEN.directory | OPEN.closeOnExec;
  return checked(libc().openat(-100, cString(path, 'openat'), flags, 0), 'openat', path);
}

/**
 * Opens one name in an open directory; a link there is not followed. The cheapest way, for many files of one
 * directory. `name` must be one name: `EINVAL` for anything with a slash, `.` and `..`.
 */
export function openEntry(directory: number, name: Uint8Array, flags: number, mode = 0): number {
  const terminated = entryName(name, 'openat');
  const result = libc().openat(directory, terminated, flags | OPEN.noFollow | OPEN.closeOnExec, mode);
  return checked(result, 'openat', name);
}

export function closeFd(fd: number): void {
  libc().close(fd);
}

/** One name as C wants it, or `EINVAL`: never a way out of its directory. */
export function entryName(name: Uint8Array, syscall: string): Buffer {
  if (!isEntryName(name)) throw systemError(22, syscall, name);
  return cString(name, syscall);
}

/** Whether bytes can be a name in a directory: 1 to 255 of them, no slash, no NUL, neither `.` nor `..`. */
export function isEntryName(name: Uint8Array): boolean {
  if (name.length === 0 || name.length > 255) return false;
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) return false;
  return !name.includes(SLASH) && !name.includes(0);
}

/** Kernels before 5.6, and sandboxes that forbid the call, are found out at the first use. */
let openat2Works = true;

/** For specs: how opening works without `openat2`. */
export function openBeneathStepwise(root: number, path: Uint8Array, flags: number, mode = 0): number {
  return openStepwise(root, namesOf(path), flags, mode, path);
}

const how = new BigUint64Array(3);
const howBytes = Buffer.from(how.buffer);

/** `undefined` where there is no such call. */
function openAtOnce(root: number, path: Uint8Array, flags: number, mode: number): number | undefined {
  const terminated = cString(path, 'openat2');
  how[0] = BigInt(flags | OPEN.closeOnExec | OPEN.noFollow);
  // The kernel refuses a mode where nothing can be created.
  how[1] = BigInt((flags & OPEN.create) === 0 ? 0 : mode);
  how[2] = BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  for (let races = 0; ; races += 1) {
    const fd = libc().openat2(OPENAT2, root, terminated, howBytes, howBytes.length);
    if (fd >= 0) return fd;
    const errno = lastErrno();
    if (errno === ENOSYS) return undefined;
    if (errno === EPERM && (flags & OPEN.create) === 0) return undefined;
    // Something was renamed while the kernel looked; it asks to try again.
    if (errno !== EAGAIN || races === MAX_RACES) throw systemError(errno, 'openat2', path);
  }
}

type Names = readonly (Uint8Array | string)[];

/** Name by name, each directory held open while the next one is opened in it. */
function openStepwise(root: number, names: Names, flags: number, mode: number, path: Uint8Array): number {
  let directory = root;
  try {
    for (const [index, name] of names.entries()) {
      const isLast = index === names.length - 1;
      const next = openStep(
        directory,
        name,
        isLast ? flags : OPEN.pathOnly | OPEN.directory,
        isLast ? mode : 0,
      );
      if (directory !== root) closeFd(directory);
      directory = next;
    }
    return directory;
  } catch (error) {
    if (directory !== root) closeFd(directory);
    (error as NodeJS.ErrnoException).path = Buffer.from(path).toString();
    throw error;
  }
}

function openStep(directory: number, name: Uint8Array | string, flags: number, mode: number): number {
  if (typeof name !== 'string') return openEntry(directory, name, flags, mode);
  const result = libc().openat(
    directory,
    cString(Buffer.from(name), 'openat'),
    flags | OPEN.closeOnExec,
    mode,
  );
  return checked(result, 'openat');
}

function namesOf(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let start = 0; start <= path.length;) {
    const slash = path.indexOf(SLASH, start);
    const end = slash === -1 ? path.length : slash;
    names.push(path.subarray(start, end));
    start = end + 1;
  }
  return names;
}
