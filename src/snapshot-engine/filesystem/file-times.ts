import { AT_FDCWD, checked, cString, libc } from './libc.js';

const AT_SYMLINK_NOFOLLOW = 0x100;
const NANOSECONDS = 1_000_000_000n;

/**
 * Sets both times to the nanosecond, also before 1970; of a symbolic link itself, not of what it points to. Relative
 * to the directory `at` where one is given. File systems with coarser times round down.
 */
export function setTimes(path: Uint8Array, atimeNs: bigint, mtimeNs: bigint, at: number = AT_FDCWD): void {
  const terminated = cString(path, 'utimensat');
  const result = libc().utimensat(at, terminated, timespecs(atimeNs, mtimeNs), AT_SYMLINK_NOFOLLOW);
  checked(result, 'utimensat', path);
}

/** As `setTimes`, of an open file or directory. */
export function setOpenTimes(fd: number, atimeNs: bigint, mtimeNs: bigint): void {
  checked(libc().futimens(fd, timespecs(atimeNs, mtimeNs)), 'futimens');
}

const fields = new BigInt64Array(4);
const bytes = Buffer.from(fields.buffer);

/** `struct timespec[2]`: seconds, rounded towards the past, and 0 to 999,999,999 nanoseconds. */
function timespecs(atimeNs: bigint, mtimeNs: bigint): Buffer {
  const atimeRest = BigInt.asUintN(64, ((atimeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS);
  const mtimeRest = BigInt.asUintN(64, ((mtimeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS);
  fields[0] = (atimeNs - atimeRest) / NANOSECONDS;
  fields[1] = atimeRest;
  fields[2] = (mtimeNs - mtimeRest) / NANOSECONDS;
  fields[3] = mtimeRest;
  return bytes;
}
