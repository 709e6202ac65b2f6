import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectInfo } from '../../storage-provider.js';
import { assertNoLinks } from './bucket-folder.js';
import { hasErrno, noSuchObject, type DiskCall } from './disk-failure.js';
import { natural, overlapping, placeOf } from './key-places.js';

/** Never follows a link, and never waits for the writer of a pipe. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What opening something that is not an object's file fails with. */
const NOT_THERE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO', 'ENAMETOOLONG'];

export interface OpenedObject {
  readonly handle: FileHandle;
  readonly stats: BigIntStats;
}

/** Opens the file of a key wherever it lies. Rejects with `object_not_found`; the caller closes the handle. */
export async function openObject(
  call: DiskCall,
  bucket: string | undefined,
  key: string,
): Promise<OpenedObject> {
  for (const naming of [natural, overlapping]) {
    const place = placeOf(naming, key);
    const opened = bucket && place ? await openFile(join(bucket, place)) : undefined;
    if (opened !== undefined) return opened;
  }
  throw noSuchObject(call);
}

async function openFile(path: string): Promise<OpenedObject | undefined> {
  try {
    await assertNoLinks(dirname(path));
    const handle = await open(path, READ_FLAGS);
    const stats = await handle.stat({ bigint: true }).catch((error: unknown) => closeAndThrow(handle, error));
    if (stats.isFile()) return { handle, stats };
    await handle.close();
    return undefined;
  } catch (error) {
    if (hasErrno(error, ...NOT_THERE)) return undefined;
    throw error;
  }
}

/** Whether an object's file lies here; not through a link. */
export async function isObjectFile(path: string): Promise<boolean> {
  return (await statObjectFile(path)) !== undefined;
}

export async function statObjectFile(path: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if (hasErrno(error, ...NOT_THERE)) return undefined;
    throw error;
  }
}

/** Size, time of the last byte and the file itself: another content has another one, and no content is read for it. */
export function etagOf({ size, mtimeNs, ino }: BigIntStats): string {
  return [size, mtimeNs, ino].map((number) => number.toString(16)).join('-');
}

export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return {
    key,
    sizeBytes: Number(stats.size),
    etag: etagOf(stats),
    lastModified: new Date(Number(stats.mtimeMs)),
  };
}

async function closeAndThrow(handle: FileHandle, error: unknown): Promise<never> {
  await handle.close();
  throw error;
}
