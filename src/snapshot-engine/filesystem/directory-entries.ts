import { checked, libc } from './libc.js';

export type DirectoryEntryType =
  'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'characterDevice' | 'blockDevice' | 'unknown';

export interface DirectoryEntry {
  readonly name: Buffer;
  /** `unknown` on file systems that do not say: ask for the status. */
  readonly type: DirectoryEntryType;
}

/** `getdents64` has no wrapper in older C libraries. */
const GETDENTS64 = process.arch === 'arm64' ? 61 : 217;
const TYPES = new Map<number, DirectoryEntryType>([
  [1, 'fifo'],
  [2, 'characterDevice'],
  [4, 'directory'],
  [6, 'blockDevice'],
  [8, 'file'],
  [10, 'symlink'],
  [12, 'socket'],
]);
const HEADER_BYTES = 19;
const batch = Buffer.allocUnsafeSlow(65_536);

/** All entries of an open directory but `.` and `..`, raw names, in no order; once per descriptor. */
export function readDirectory(fd: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const length = checked(libc().getdents64(GETDENTS64, fd, batch, batch.length), 'getdents64');
    if (length === 0) return entries;
    // One copy for the batch: the names share it.
    decode(Buffer.from(batch.subarray(0, length)), entries);
  }
}

/** `struct linux_dirent64`: inode and offset (8 bytes each), length (2), type (1), name, NUL. */
function decode(bytes: Buffer, entries: DirectoryEntry[]): void {
  for (let at = 0; at < bytes.length;) {
    const next = at + bytes.readUInt16LE(at + 16);
    const name = bytes.subarray(at + HEADER_BYTES, bytes.indexOf(0, at + HEADER_BYTES));
    if (!isSelfOrParent(name)) entries.push({ name, type: TYPES.get(bytes[at + 18]!) ?? 'unknown' });
    at = next;
  }
}

function isSelfOrParent(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}
