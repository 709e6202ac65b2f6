import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareUtf8 } from '../../strict-list.js';
import { hasErrno } from './disk-failure.js';
import type { Naming } from './key-places.js';

/** A file, or a folder with its path. */
export interface Entry {
  /** Of a folder: the beginning of all keys in it, with the slash. Entries sort by it as keys do. */
  readonly key: string;
  readonly path?: string;
}

export type FolderEntry = Required<Entry>;

/** Consecutive entries of one folder, from the least that is not below `from`. */
export interface FolderWindow {
  readonly entries: readonly Entry[];
  /** Whether nothing comes after the last of them. */
  readonly isLast: boolean;
}

/** Entries of one folder held at once; a larger folder is read again for the next ones. */
const MAX_ENTRIES = 16_384;
/** A smaller folder is read again as quickly as its window is checked. */
const WORTH_KEEPING = 2_048;
const MAX_KEPT_WINDOWS = 2;
/** Names read from the disk at once. */
const READ_AHEAD = 1_024;

/**
 * Coarser than the clock of any file system: a folder that changed so shortly before it was read may change again
 * without a change of its time.
 */
const SETTLED_MS = 2_000;

/** What a folder that is removed or replaced meanwhile is read with. */
export const ABSENT = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'];

interface KeptWindow extends FolderWindow {
  readonly from: string;
  readonly mtimeNs: bigint;
}

/**
 * Reads folders in order with bounded memory. The last windows of large folders are kept while the folder does not
 * change, so that listing a folder page by page does not read all of it for every page.
 */
export class FolderWindows {
  private readonly kept = new Map<string, KeptWindow>();

  constructor(private readonly now: () => number) {}

  async read(naming: Naming, folder: FolderEntry, from: string, signal?: AbortSignal): Promise<FolderWindow> {
    const mtimeNs = await changeTime(folder.path);
    if (mtimeNs === undefined) return { entries: [], isLast: true };
    const kept = this.kept.get(folder.path);
    const covered = kept?.mtimeNs === mtimeNs ? restOf(kept, from) : undefined;
    if (covered !== undefined) return covered;
    const readAtMs = this.now();
    const window = await scan(naming, folder, from, signal);
    const isSettled = readAtMs - Number(mtimeNs / 1_000_000n) > SETTLED_MS;
    this.kept.delete(folder.path);
    if (isSettled && window.entries.length >= WORTH_KEEPING)
      this.keep(folder.path, { ...window, from, mtimeNs });
    return window;
  }

  private keep(path: string, window: KeptWindow): void {
    this.kept.set(path, window);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_KEPT_WINDOWS && oldest !== undefined) this.kept.delete(oldest);
  }
}

function restOf(window: KeptWindow, from: string): FolderWindow | undefined {
  if (compareUtf8(from, window.from) < 0) return undefined;
  const entries = window.entries.slice(firstAtLeast(window.entries, from));
  return entries.length > 0 || window.isLast ? { entries, isLast: window.isLast } : undefined;
}

function firstAtLeast(entries: readonly Entry[], key: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(entries[middle]!.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function changeTime(path: string): Promise<bigint | undefined> {
  try {
    return (await lstat(path, { bigint: true })).mtimeNs;
  } catch (error) {
    if (hasErrno(error, ...ABSENT)) return undefined;
    throw error;
  }
}

/** The least entries that are not below `from`. */
async function scan(
  naming: Naming,
  folder: FolderEntry,
  from: string,
  signal: AbortSignal | undefined,
): Promise<FolderWindow> {
  let kept: Entry[] = [];
  let cutOff: string | undefined;
  try {
    for await (const dirent of await opendir(folder.path, { bufferSize: READ_AHEAD })) {
      const entry = entryOf(naming, folder, dirent) ?? (await entryOfUnknownKind(naming, folder, dirent));
      if (entry === undefined || compareUtf8(entry.key, from) < 0) continue;
      if (cutOff !== undefined && compareUtf8(entry.key, cutOff) > 0) continue;
      kept.push(entry);
      if (kept.length < 2 * MAX_ENTRIES) continue;
      signal?.throwIfAborted();
      kept = least(kept);
      cutOff = kept.at(-1)?.key;
    }
  } catch (error) {
    if (!hasErrno(error, ...ABSENT)) throw error;
  }
  const isLast = cutOff === undefined && kept.length <= MAX_ENTRIES;
  return { entries: least(kept), isLast };
}

function least(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => compareUtf8(a.key, b.key)).slice(0, MAX_ENTRIES);
}

function entryOf(
  naming: Naming,
  folder: FolderEntry,
  dirent: Pick<Dirent, 'name' | 'isFile' | 'isDirectory'>,
) {
  const { name } = dirent;
  if (dirent.isFile()) {
    const segment = naming.fileSegment(name);
    return segment === undefined ? undefined : { key: folder.key + segment };
  }
  if (!dirent.isDirectory()) return undefined;
  const segment = naming.folderSegment(name, folder.key === '');
  return segment === undefined
    ? undefined
    : { key: `${folder.key}${segment}/`, path: join(folder.path, name) };
}

/** Some file systems do not tell the kind with the name. */
async function entryOfUnknownKind(
  naming: Naming,
  folder: FolderEntry,
  dirent: Dirent,
): Promise<Entry | undefined> {
  if (KINDS.some((kind) => dirent[kind]())) return undefined;
  const stats = await lstat(join(folder.path, dirent.name)).catch(() => undefined);
  if (stats === undefined) return undefined;
  return entryOf(naming, folder, {
    name: dirent.name,
    isFile: () => stats.isFile(),
    isDirectory: () => stats.isDirectory(),
  });
}

const KINDS = [
  'isFile',
  'isDirectory',
  'isSymbolicLink',
  'isFIFO',
  'isSocket',
  'isBlockDevice',
  'isCharacterDevice',
] as const;
