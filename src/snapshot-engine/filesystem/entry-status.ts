import { AT_FDCWD, checked, cString, isSystemError, libc } from './libc.js';

/** What lies under a name, as `statx` tells it. */
export interface EntryStatus {
  /** `st_mode`: type and permission bits. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** Bytes that the file takes on the disk; less than its size where it has holes. */
  readonly allocatedBytes: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: bigint;
  /** `st_dev` and `st_rdev`, as makedev builds them. */
  readonly deviceId: bigint;
  readonly device: bigint;
  readonly mtimeNs: bigint;
  readonly atimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** The type bits of `st_mode`. */
export const FILE_TYPE = {
  mask: 0o170000,
  fifo: 0o010000,
  characterDevice: 0o020000,
  directory: 0o040000,
  blockDevice: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const EMPTY_PATH = Buffer.alloc(1);

/**
 * The status of `path`, never of what a symbolic link points to. Relative to the directory `at` where one is given:
 * that is faster, and a directory that is replaced meanwhile cannot redirect it. About as fast as Node's `lstatSync`
 * with `bigint` (3.5 us), with less garbage. Throws e.g. `ENOENT`.
 */
export function entryStatus(path: Uint8Array, at: number = AT_FDCWD): EntryStatus {
  const terminated = cString(path, 'statx');
  checked(libc().statx(at, terminated, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, raw.bytes), 'statx', path);
  return decode();
}

/** As `entryStatus`, `undefined` when nothing is there. */
export function entryStatusIfAny(path: Uint8Array, at: number = AT_FDCWD): EntryStatus | undefined {
  try {
    return entryStatus(path, at);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** The status of an open file or directory. */
export function openStatus(fd: number): EntryStatus {
  checked(libc().statx(fd, EMPTY_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, raw.bytes), 'statx');
  return decode();
}

/** One answer of the kernel (`struct statx`), decoded before the next call: calls are synchronous. */
const raw = (() => {
  const memory = new ArrayBuffer(256);
  return {
    bytes: Buffer.from(memory),
    words: new Uint32Array(memory),
    signed: new BigInt64Array(memory),
    unsigned: new BigUint64Array(memory),
  };
})();

function decode(): EntryStatus {
  const { words, unsigned } = raw;
  return {
    mode: words[7]! & 0xffff,
    sizeBytes: Number(unsigned[5]),
    allocatedBytes: Number(unsigned[6]) * 512,
    links: words[4]!,
    uid: words[5]!,
    gid: words[6]!,
    inode: unsigned[4]!,
    deviceId: makeDevice(words[34]!, words[35]!),
    device: makeDevice(words[32]!, words[33]!),
    mtimeNs: nanoseconds(14),
    atimeNs: nanoseconds(8),
    ctimeNs: nanoseconds(12),
  };
}

/** `struct statx_timestamp`: 64 bit of seconds, 32 bit of nanoseconds. */
function nanoseconds(at: number): bigint {
  return raw.signed[at]! * 1_000_000_000n + BigInt(raw.words[2 * at + 2]!);
}

/** As glibc's makedev: the low 8 bits of the minor number, 12 of the major, then what is left of each. */
export function makeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}
