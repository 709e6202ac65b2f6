import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListPage, ObjectInfo } from '../../storage-provider.js';
import { assertObjectKey } from '../../object-key.js';
import { compareUtf8 } from '../../strict-list.js';
import { assertNoLinks } from './bucket-folder.js';
import { hasErrno } from './disk-failure.js';
import { OWN_FOLDER, natural, overlapping, placeOf, type Naming } from './key-places.js';
import { infoOf, statObjectFile } from './object-files.js';

export interface PageToList {
  readonly prefix: string;
  /** The last key of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Names of one folder held at once. A larger folder is read again for the next ones: a page costs time with the size
 * of its folders, never memory.
 */
const MAX_NAMES = 4_096;

/** The next objects below a prefix in UTF-8 byte order of their keys. */
export async function listObjects(bucket: string, page: PageToList): Promise<ListPage> {
  // Without its folder the bucket is not empty but gone: that rejects.
  await lstat(bucket);
  const keys: string[] = [];
  for await (const key of mergedKeys(bucket, page)) {
    keys.push(key);
    page.signal?.throwIfAborted();
    if (keys.length > page.limit) break;
  }
  const listed = keys.slice(0, page.limit);
  const objects = await Promise.all(listed.map((key) => infoAt(bucket, key)));
  return {
    // An object that was deleted since its name was read is not there any more.
    objects: objects.filter((object) => object !== undefined),
    nextCursor: keys.length > page.limit ? listed.at(-1) : undefined,
  };
}

async function infoAt(bucket: string, key: string): Promise<ObjectInfo | undefined> {
  for (const naming of [natural, overlapping]) {
    const path = placeOf(naming, key);
    const stats = path === undefined ? undefined : await statObjectFile(join(bucket, path));
    if (stats !== undefined) return infoOf(key, stats);
  }
  return undefined;
}

/** Both places of keys as one ascending sequence without repeats. */
async function* mergedKeys(bucket: string, page: PageToList): AsyncGenerator<string, void> {
  const walks = [natural, overlapping].map((naming) => walkPrefix(naming, bucket, page));
  const heads = await Promise.all(walks.map(nextKey));
  for (;;) {
    const [least] = heads.filter((head) => head !== undefined).sort(compareUtf8);
    if (least === undefined) return;
    yield least;
    for (const [at, keys] of walks.entries()) if (heads[at] === least) heads[at] = await nextKey(keys);
  }
}

async function nextKey(keys: AsyncGenerator<string, void>): Promise<string | undefined> {
  const next = await keys.next();
  return next.done === true ? undefined : next.value;
}

/** Begins in the deepest folder that the prefix names, so that its neighbours are not read. */
async function* walkPrefix(naming: Naming, bucket: string, page: PageToList): AsyncGenerator<string, void> {
  const folderKey = page.prefix.slice(0, page.prefix.lastIndexOf('/') + 1);
  const segments = folderKey.split('/').slice(0, -1);
  // No key has such segments, and as a path they lead elsewhere.
  if (segments.some((segment) => ['', '.', '..'].includes(segment) || segment.includes('\0'))) return;
  if (naming === natural && segments[0] === OWN_FOLDER) return;
  const folder = join(bucket, naming.top, ...segments.map((segment) => naming.folderName(segment)));
  try {
    await assertNoLinks(folder);
  } catch (error) {
    if (hasErrno(error, ...ABSENT)) return;
    throw error;
  }
  yield* walk(naming, { key: folderKey, path: folder }, page);
}

/** A file, or a folder with its path. */
interface Entry {
  /** Of a folder: the beginning of all keys in it, with the slash. Entries sort by it as keys do. */
  readonly key: string;
  readonly path?: string;
}

/** All keys below one folder, depth first. */
async function* walk(
  naming: Naming,
  folder: Required<Entry>,
  page: PageToList,
): AsyncGenerator<string, void> {
  let entries: readonly Entry[] = [];
  do {
    entries = await nextEntries(naming, folder, page, entries.at(-1)?.key);
    for (const { key, path } of entries) {
      if (path === undefined) yield key;
      else yield* walk(naming, { key, path }, page);
    }
  } while (entries.length === MAX_NAMES);
}

/** The least entries of a folder after one of them, as far as they may matter for the page. */
async function nextEntries(
  naming: Naming,
  folder: Required<Entry>,
  page: PageToList,
  previous: string | undefined,
): Promise<readonly Entry[]> {
  let kept: Entry[] = [];
  let cutOff: string | undefined;
  for await (const dirent of readFolder(folder.path)) {
    const entry = await entryOf(naming, folder, dirent);
    if (entry === undefined || !matters(entry, page)) continue;
    if (previous !== undefined && compareUtf8(entry.key, previous) <= 0) continue;
    if (cutOff !== undefined && compareUtf8(entry.key, cutOff) > 0) continue;
    kept.push(entry);
    if (kept.length < 2 * MAX_NAMES) continue;
    kept = least(kept);
    cutOff = kept.at(-1)?.key;
    page.signal?.throwIfAborted();
  }
  return least(kept);
}

function least(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => compareUtf8(a.key, b.key)).slice(0, MAX_NAMES);
}

function matters({ key, path }: Entry, { prefix, after }: PageToList): boolean {
  const isAfter = after === undefined || compareUtf8(key, after) > 0;
  if (path === undefined) return isAfter && key.startsWith(prefix) && isObjectKey(key);
  return (isAfter || after.startsWith(key)) && (key.startsWith(prefix) || prefix.startsWith(key));
}

/** Names that other programs put here and that no call could reach are no objects. */
function isObjectKey(key: string): boolean {
  try {
    assertObjectKey(key, 'list');
    return true;
  } catch {
    return false;
  }
}

async function entryOf(naming: Naming, folder: Required<Entry>, dirent: Dirent): Promise<Entry | undefined> {
  const { name } = dirent;
  const path = join(folder.path, name);
  const kind = await kindOf(dirent, path);
  const isFolder = kind === 'folder';
  const segment = isFolder ? naming.folderSegment(name, folder.key === '') : naming.fileSegment(name);
  if (segment === undefined || kind === 'other') return undefined;
  return isFolder ? { key: `${folder.key}${segment}/`, path } : { key: `${folder.key}${segment}` };
}

async function kindOf(dirent: Dirent, path: string): Promise<'file' | 'folder' | 'other'> {
  if (dirent.isFile()) return 'file';
  if (dirent.isDirectory()) return 'folder';
  const isKnown = dirent.isSymbolicLink() || dirent.isFIFO() || dirent.isSocket() || dirent.isBlockDevice();
  if (isKnown || dirent.isCharacterDevice()) return 'other';
  // Some file systems do not tell the kind with the name.
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isFile()) return 'file';
  return stats?.isDirectory() ? 'folder' : 'other';
}

/** Nothing when the folder was removed meanwhile. */
async function* readFolder(path: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(path, { bufferSize: READ_AHEAD });
  } catch (error) {
    if (!hasErrno(error, ...ABSENT)) throw error;
  }
}

/** Names read from the disk at once. */
const READ_AHEAD = 1_024;

const ABSENT = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'];
