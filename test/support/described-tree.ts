import { createHash, hash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import {
  entryStatus,
  FILE_TYPE,
  type EntryStatus,
} from '../../src/snapshot-engine/filesystem/entry-status.js';
import { readAttributes } from '../../src/snapshot-engine/filesystem/extended-attributes.js';

const KINDS = new Map<number, string>([
  [FILE_TYPE.file, 'file'],
  [FILE_TYPE.directory, 'dir'],
  [FILE_TYPE.symlink, 'symlink'],
  [FILE_TYPE.fifo, 'fifo'],
  [FILE_TYPE.socket, 'socket'],
  [FILE_TYPE.characterDevice, 'chardev'],
  [FILE_TYPE.blockDevice, 'blockdev'],
]);

/**
 * One line for each entry below `folder`, and for the folder itself, by path: all that must survive a backup and a
 * restore. Kind, mode, owners, mtime in nanoseconds, size and SHA-256 of the content, link target, device, the other
 * names of a hard link, extended attributes. Two trees are the same when their lines are.
 */
export function describeTree(folder: string): string[] {
  const lines: string[] = [];
  const names = new Map<string, string>();
  visit(Buffer.from(folder), Buffer.alloc(0), lines, names);
  return lines;
}

/** All that lies beneath a folder, in one word; not the folder itself. */
export function contentsOf(folder: string): string {
  return hash('sha256', describeTree(folder).slice(1).join('\n'));
}

function visit(path: Buffer, shown: Buffer, lines: string[], names: Map<string, string>): void {
  const status = entryStatus(path);
  const kind = KINDS.get(status.mode & FILE_TYPE.mask) ?? 'irregular';
  const name = shown.length === 0 ? '.' : quoted(shown);
  const parts = [
    name,
    kind,
    (status.mode & 0o7777).toString(8).padStart(4, '0'),
    `${status.uid}:${status.gid}`,
    `mtime=${status.mtimeNs}`,
    ...contentOf(kind, path, status),
    ...hardLinkOf(kind, name, status, names),
    ...readAttributes(path).map(({ name: key, value }) => `${JSON.stringify(key)}=${value.toString('hex')}`),
  ];
  lines.push(parts.join(' '));
  if (kind !== 'dir') return;
  for (const entry of readdirSync(path, 'buffer').sort((a, b) => a.compare(b))) {
    visit(join(path, entry), shown.length === 0 ? entry : join(shown, entry), lines, names);
  }
}

function contentOf(kind: string, path: Buffer, status: EntryStatus): string[] {
  if (kind === 'file') return [`size=${status.sizeBytes}`, `sha256=${hashFile(path)}`];
  if (kind === 'symlink') return [`-> ${quoted(readlinkSync(path, 'buffer'))}`];
  if (kind === 'chardev' || kind === 'blockdev') return [`device=${status.device}`];
  return [];
}

/** The first name of the same file, by path; none of directories. */
function hardLinkOf(kind: string, name: string, status: EntryStatus, names: Map<string, string>): string[] {
  if (kind === 'dir' || status.links === 1) return [];
  const file = `${status.deviceId} ${status.inode}`;
  if (!names.has(file)) names.set(file, name);
  return [`same-as=${names.get(file)}`];
}

function hashFile(path: Buffer): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  const block = Buffer.allocUnsafe(1 << 20);
  for (let length = readSync(fd, block); length > 0; length = readSync(fd, block)) {
    hash.update(block.subarray(0, length));
  }
  closeSync(fd);
  return hash.digest('hex');
}

function join(path: Buffer, name: Buffer): Buffer {
  return Buffer.concat([path, Buffer.from('/'), name]);
}

/** One byte, one character: bytes that are not UTF-8 stay apart. */
function quoted(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1'));
}
