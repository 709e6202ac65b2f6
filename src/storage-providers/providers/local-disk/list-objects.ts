import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListPage, ObjectInfo } from '../../storage-provider.js';
import { assertObjectKey } from '../../object-key.js';
import { compareUtf8 } from '../../strict-list.js';
import { assertNoLinks } from './bucket-folder.js';
import { hasErrno } from './disk-failure.js';
import { ABSENT, type FolderEntry, type FolderWindows } from './folder-windows.js';
import { OWN_FOLDER, natural, overlapping, placeOf, type Naming } from './key-places.js';
import { infoOf, statObjectFile } from './object-files.js';

export interface PageToList {
  readonly prefix: string;
  /** The last key of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
  /** Of this bucket. */
  readonly windows: FolderWindows;
}

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

/** The keys below one folder that belong to the page, depth first. */
async function* walk(naming: Naming, folder: FolderEntry, page: PageToList): AsyncGenerator<string, void> {
  const { prefix, windows, signal } = page;
  let from = firstOf(folder.key, page);
  for (;;) {
    const { entries, isLast } = await windows.read(naming, folder, from, signal);
    for (const { key, path } of entries) {
      if (!key.startsWith(prefix) && compareUtf8(key, prefix) > 0) return;
      if (path !== undefined) {
        if (key.startsWith(prefix)) yield* walk(naming, { key, path }, page);
      } else if (belongs(key, page)) yield key;
    }
    const last = entries.at(-1);
    if (isLast || last === undefined) return;
    // The least key that comes after it.
    from = `${last.key}\0`;
  }
}

/** The least entry of a folder that may lead to a key of the page. */
function firstOf(folderKey: string, { prefix, after }: PageToList): string {
  if (after === undefined || compareUtf8(after, prefix) < 0) return prefix;
  if (!after.startsWith(folderKey)) return folderKey;
  const slash = after.indexOf('/', folderKey.length);
  return slash === -1 ? after : after.slice(0, slash + 1);
}

/** Names that other programs put here and that no call could reach are no objects. */
function belongs(key: string, { prefix, after }: PageToList): boolean {
  if (!key.startsWith(prefix) || (after !== undefined && compareUtf8(key, after) <= 0)) return false;
  try {
    assertObjectKey(key, 'list');
    return true;
  } catch {
    return false;
  }
}
