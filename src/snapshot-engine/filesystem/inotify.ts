import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { checked, cString, lastErrno, systemError } from './libc.js';

/** Bits of an event (inotify(7)). */
export const INOTIFY = {
  modify: 0x2,
  attributes: 0x4,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  unmount: 0x2000,
  overflow: 0x4000,
  ignored: 0x8000,
  isDirectory: 0x40000000,
} as const;

export interface InotifyEvent {
  /** What `watchDirectory` answered; -1 of an overflow. */
  readonly watch: number;
  readonly mask: number;
  /** Entry of the watched directory, raw bytes; empty when the directory itself is meant. */
  readonly name: Buffer;
}

/** Everything that can change a directory's tree. What a process does to a deleted entry is of no interest. */
const WATCHED =
  INOTIFY.modify |
  INOTIFY.attributes |
  INOTIFY.movedFrom |
  INOTIFY.movedTo |
  INOTIFY.create |
  INOTIFY.delete |
  INOTIFY.deleteSelf |
  INOTIFY.moveSelf;
const EXCLUDE_UNLINKED = 0x4000000;
const DO_NOT_FOLLOW = 0x2000000;
const ONLY_DIRECTORY = 0x1000000;
const NON_BLOCKING = 0o4000;
const CLOSE_ON_EXEC = 0o2000000;
const HEADER_BYTES = 16;
const BUFFER_BYTES = 65_536;
const EAGAIN = 11;

interface Functions {
  inotify_init1(flags: number): number;
  inotify_add_watch(fd: number, path: Buffer, mask: number): number;
  read(fd: number, into: Buffer, length: number): number;
  close(fd: number): number;
}

/** A queue of the kernel that tells changes of directories, each watched for itself. Calls never block. */
export class Inotify {
  readonly #functions = load();
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #fd: number;
  #open = true;

  /** Throws `EMFILE` when this user has as many queues as the kernel allows. */
  constructor() {
    this.#fd = checked(this.#functions.inotify_init1(NON_BLOCKING | CLOSE_ON_EXEC), 'inotify_init1');
  }

  /** Number of the watch; the same again for the same directory. Throws `ENOSPC` beyond the kernel's limit. */
  watchDirectory(path: Uint8Array): number {
    const mask = WATCHED | EXCLUDE_UNLINKED | DO_NOT_FOLLOW | ONLY_DIRECTORY;
    const terminated = cString(path, 'inotify_add_watch');
    return checked(this.#functions.inotify_add_watch(this.#fd, terminated, mask), 'inotify_add_watch', path);
  }

  /** Some of the events that wait, in their order; none when there are none. */
  read(): InotifyEvent[] {
    const length = this.#functions.read(this.#fd, this.#buffer, BUFFER_BYTES);
    if (length >= 0) return decode(Buffer.from(this.#buffer.subarray(0, length)));
    const errno = lastErrno();
    if (errno === EAGAIN) return [];
    throw systemError(errno, 'read');
  }

  close(): void {
    if (this.#open) this.#functions.close(this.#fd);
    this.#open = false;
  }
}

/** How many directories one user may watch; `undefined` when the kernel does not tell. */
export function inotifyWatchLimit(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/fs/inotify/max_user_watches', 'utf8'));
  } catch {
    return undefined;
  }
}

/** `struct inotify_event`: watch, mask, cookie, length of the name (4 bytes each), the name with NULs behind. */
function decode(bytes: Buffer): InotifyEvent[] {
  const events: InotifyEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const nameAt = at + HEADER_BYTES;
    const end = nameAt + bytes.readUInt32LE(at + 12);
    const padded = bytes.subarray(nameAt, end);
    const nul = padded.indexOf(0);
    events.push({
      watch: bytes.readInt32LE(at),
      mask: bytes.readUInt32LE(at + 4),
      name: nul === -1 ? padded : padded.subarray(0, nul),
    });
    at = end;
  }
  return events;
}

function load(): Functions {
  const library = koffi.load(null);
  return {
    inotify_init1: library.func('int inotify_init1(int)') as Functions['inotify_init1'],
    inotify_add_watch: library.func(
      'int inotify_add_watch(int, const void *, unsigned int)',
    ) as Functions['inotify_add_watch'],
    read: library.func('long read(int, void *, size_t)') as Functions['read'],
    close: library.func('int close(int)') as Functions['close'],
  };
}
