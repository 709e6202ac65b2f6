import { link, lstat, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assertNoLinks, makeFolders, removeEmptyFolders, syncFolder } from './bucket-folder.js';
import { hasErrno, nameTooLong, objectExists, type DiskCall } from './disk-failure.js';
import { natural, overlapping, placeOf } from './key-places.js';
import { isObjectFile } from './object-files.js';
import { discard, type TempFile } from './temp-file.js';

/** A folder that is removed while we write into it is made again so many times. */
const MAX_TRIES = 10;

export interface ObjectToPublish {
  readonly key: string;
  readonly temp: TempFile;
  readonly createOnly: boolean;
}

/**
 * Gives a finished temporary file the name of its key, in one step that readers see whole, and makes the name durable.
 * With `createOnly`, of all writers of a key one wins and the others reject with `conflict`. The temporary name is
 * gone in any case.
 */
export async function publishObject(call: DiskCall, bucket: string, object: ObjectToPublish): Promise<void> {
  try {
    await publish(call, bucket, object);
  } catch (error) {
    await discard(object.temp.path);
    throw error;
  }
}

async function publish(call: DiskCall, bucket: string, object: ObjectToPublish): Promise<void> {
  const own = pathOf(bucket, natural, object.key);
  const aside = pathOf(bucket, overlapping, object.key);
  // Before, so that the other place is not hidden even for a moment; and after, for a writer who took it meanwhile.
  if (object.createOnly && aside !== undefined && (await isObjectFile(aside))) throw objectExists(call);
  const isStored = own !== undefined && (await place(call, bucket, own, object));
  if (isStored) return settle(call, bucket, own, aside, object);
  if (aside === undefined) throw nameTooLong(call);
  if (!(await place(call, bucket, aside, object))) throw objectExists(call);
  return settle(call, bucket, aside, own, object);
}

/** Removes the object wherever it lies; one that is absent is no error. */
export async function removeObject(bucket: string, key: string): Promise<void> {
  for (const naming of [natural, overlapping]) {
    const path = pathOf(bucket, naming, key);
    if (path !== undefined) await removeFile(bucket, path);
  }
}

function pathOf(bucket: string, naming: typeof natural, key: string): string | undefined {
  const path = placeOf(naming, key);
  return path === undefined ? undefined : join(bucket, path);
}

/** False when this place cannot hold a file because of the folders of other keys. Rejects with `conflict`. */
async function place(
  call: DiskCall,
  bucket: string,
  path: string,
  object: ObjectToPublish,
): Promise<boolean> {
  const { temp, createOnly } = object;
  for (let tries = 1; ; tries += 1) {
    try {
      await assertNoLinks(dirname(path));
      await (createOnly ? link(temp.path, path) : rename(temp.path, path));
      break;
    } catch (error) {
      if (hasErrno(error, 'ENOTDIR', 'EISDIR')) return false;
      if (hasErrno(error, 'EEXIST')) {
        if (await isFolder(path)) return false;
        throw objectExists(call);
      }
      if (!hasErrno(error, 'ENOENT') || tries === MAX_TRIES) throw error;
      if (!(await tryMakeFolders(bucket, dirname(path)))) return false;
    }
  }
  try {
    await syncFolder(dirname(path));
  } catch (error) {
    // The name is ours alone and not safe: a failed call leaves none. An overwritten name has no way back.
    if (createOnly) await discard(path);
    throw error;
  }
  if (createOnly) await discard(temp.path);
  return true;
}

/** A key has one place: what lies at the other one is an older version, or a rival that came in between. */
async function settle(
  call: DiskCall,
  bucket: string,
  stored: string,
  other: string | undefined,
  { createOnly }: ObjectToPublish,
): Promise<void> {
  if (other === undefined || !(await isObjectFile(other))) return;
  if (!createOnly) return removeFile(bucket, other);
  // Both rivals may get here and both give up: nobody is told "stored" then, which is safe.
  await removeFile(bucket, stored);
  throw objectExists(call);
}

async function removeFile(bucket: string, path: string): Promise<void> {
  const folder = dirname(path);
  try {
    if (!(await isObjectFile(path))) return;
    await assertNoLinks(folder);
    await unlink(path);
    await syncFolder(folder);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  await removeEmptyFolders(bucket, folder);
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

async function tryMakeFolders(bucket: string, folder: string): Promise<boolean> {
  try {
    await makeFolders(bucket, folder);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOTDIR')) return false;
    // Removed again by somebody who deletes: the next try makes it anew.
    if (hasErrno(error, 'ENOENT') && (await isFolder(bucket))) return true;
    throw error;
  }
}
