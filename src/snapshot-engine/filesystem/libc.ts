import { getSystemErrorMap } from 'node:util';
import koffi from 'koffi';

/** `dirfd` of the at-functions: paths are relative to the working directory, or absolute. */
export const AT_FDCWD = -100;

/** Linux's open flags on this architecture; the last two differ between x64 and arm64. */
export const OPEN = {
  readOnly: 0o0,
  writeOnly: 0o1,
  readWrite: 0o2,
  create: 0o100,
  exclusive: 0o200,
  truncate: 0o1000,
  nonBlocking: 0o4000,
  closeOnExec: 0o2000000,
  pathOnly: 0o10000000,
  directory: process.arch === 'arm64' ? 0o40000 : 0o200000,
  noFollow: process.arch === 'arm64' ? 0o100000 : 0o400000,
} as const;

/** Functions of the C library; every `void *` is a Buffer, strings end in NUL. Loaded at the first call. */
export interface Libc {
  openat(directory: number, path: Buffer, flags: number, mode: number): number;
  close(fd: number): number;
  statx(directory: number, path: Buffer, flags: number, mask: number, into: Buffer): number;
  mkdirat(directory: number, path: Buffer, mode: number): number;
  unlinkat(directory: number, path: Buffer, flags: number): number;
  renameat(fromDirectory: number, from: Buffer, toDirectory: number, to: Buffer): number;
  renameat2(fromDirectory: number, from: Buffer, toDirectory: number, to: Buffer, flags: number): number;
  linkat(fromDirectory: number, from: Buffer, toDirectory: number, to: Buffer, flags: number): number;
  symlinkat(target: Buffer, directory: number, path: Buffer): number;
  readlinkat(directory: number, path: Buffer, into: Buffer, length: number): number;
  mknodat(directory: number, path: Buffer, mode: number, device: bigint): number;
  fchmod(fd: number, mode: number): number;
  fchmodat(directory: number, path: Buffer, mode: number, flags: number): number;
  fchown(fd: number, uid: number, gid: number): number;
  fchownat(directory: number, path: Buffer, uid: number, gid: number, flags: number): number;
  utimensat(directory: number, path: Buffer | null, times: Buffer, flags: number): number;
  futimens(fd: number, times: Buffer): number;
  llistxattr(path: Buffer, into: Buffer | null, length: number): number;
  flistxattr(fd: number, into: Buffer | null, length: number): number;
  lgetxattr(path: Buffer, name: Buffer, into: Buffer | null, length: number): number;
  fgetxattr(fd: number, name: Buffer, into: Buffer | null, length: number): number;
  lsetxattr(path: Buffer, name: Buffer, value: Buffer, length: number, flags: number): number;
  fsetxattr(fd: number, name: Buffer, value: Buffer, length: number, flags: number): number;
  lremovexattr(path: Buffer, name: Buffer): number;
  fremovexattr(fd: number, name: Buffer): number;
  fallocate(fd: number, mode: number, offset: number, length: number): number;
  ftruncate(fd: number, length: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  pread(fd: number, into: Buffer, length: number, offset: number): number;
  pwrite(fd: number, from: Buffer, length: number, offset: number): number;
  /** The raw system call, for those without a wrapper: two integers and up to two pointers. */
  getdents64(number: number, fd: number, into: Buffer, length: number): number;
  openat2(number: number, directory: number, path: Buffer, how: Buffer, howLength: number): number;
}

const PROTOTYPES: Record<keyof Libc, string> = {
  openat: 'int openat(int, const void *, int, unsigned int)',
  close: 'int close(int)',
  statx: 'int statx(int, const void *, int, unsigned int, void *)',
  mkdirat: 'int mkdirat(int, const void *, unsigned int)',
  unlinkat: 'int unlinkat(int, const void *, int)',
  renameat: 'int renameat(int, const void *, int, const void *)',
  renameat2: 'int renameat2(int, const void *, int, const void *, unsigned int)',
  linkat: 'int linkat(int, const void *, int, const void *, int)',
  symlinkat: 'int symlinkat(const void *, int, const void *)',
  readlinkat: 'int64_t readlinkat(int, const void *, void *, uint64_t)',
  mknodat: 'int mknodat(int, const void *, unsigned int, uint64_t)',
  fchmod: 'int fchmod(int, unsigned int)',
  fchmodat: 'int fchmodat(int, const void *, unsigned int, int)',
  fchown: 'int fchown(int, unsigned int, unsigned int)',
  fchownat: 'int fchownat(int, const void *, unsigned int, unsigned int, int)',
  utimensat: 'int utimensat(int, const void *, const void *, int)',
  futimens: 'int futimens(int, const void *)',
  llistxattr: 'int64_t llistxattr(const void *, void *, uint64_t)',
  flistxattr: 'int64_t flistxattr(int, void *, uint64_t)',
  lgetxattr: 'int64_t lgetxattr(const void *, const void *, void *, uint64_t)',
  fgetxattr: 'int64_t fgetxattr(int, const void *, void *, uint64_t)',
  lsetxattr: 'int lsetxattr(const void *, const void *, const void *, uint64_t, int)',
  fsetxattr: 'int fsetxattr(int, const void *, const void *, uint64_t, int)',
  lremovexattr: 'int lremovexattr(const void *, const void *)',
  fremovexattr: 'int fremovexattr(int, const void *)',
  fallocate: 'int fallocate(int, int, int64_t, int64_t)',
  ftruncate: 'int ftruncate(int, int64_t)',
  lseek: 'int64_t lseek(int, int64_t, int)',
  pread: 'int64_t pread(int, void *, uint64_t, int64_t)',
  pwrite: 'int64_t pwrite(int, const void *, uint64_t, int64_t)',
  getdents64: 'long syscall(long, int, void *, uint64_t)',
  openat2: 'long syscall(long, int, const void *, const void *, uint64_t)',
};

let loaded: Libc | undefined;

/** The C library of this process. Each thread has its own handle; a first call takes about 10 ms. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  const library = koffi.load(null);
  const functions = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]);
  return Object.fromEntries(functions) as Libc;
}

/** The number of the last failure on this thread; ask at once after the call that failed. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Passes a result through, or throws what went wrong: an error with `code`, `errno`, `syscall` and `path`. */
export function checked(result: number, syscall: string, path?: Uint8Array): number {
  if (result < 0) throw systemError(lastErrno(), syscall, path);
  return result;
}

export function systemError(errno: number, syscall: string, path?: Uint8Array): NodeJS.ErrnoException {
  const [code, what] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
  const shown = path === undefined ? '' : ` '${Buffer.from(path).toString()}'`;
  const error: NodeJS.ErrnoException = new Error(`${code}: ${what}, ${syscall}${shown}`);
  return Object.assign(error, { code, errno: -errno, syscall, path: path && Buffer.from(path).toString() });
}

/** As C wants it: ending in NUL. A NUL inside would silently name something else: `EINVAL`. */
export function cString(text: Uint8Array, syscall: string): Buffer {
  if (text.includes(0)) throw systemError(22, syscall, text);
  const terminated = Buffer.allocUnsafe(text.length + 1);
  terminated.set(text);
  terminated[text.length] = 0;
  return terminated;
}

/** Whether a call failed with one of these codes, e.g. `ENOENT`. */
export function isSystemError(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}
