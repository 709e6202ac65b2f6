import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { assertCopyLength } from '../../copy-failures.js';
import { assertObjectKey } from '../../object-key.js';
import type { CopiedObject, CopyOptions, ObjectCopies } from '../../storage-provider.js';
import { makeFolders, type BucketFolder } from './bucket-folder.js';
import { onDisk, type DiskCall } from './disk-failure.js';
import { TEMP_FOLDER } from './key-places.js';
import { etagOf, openObject } from './object-files.js';
import { publishObject } from './publish-object.js';
import { discard, type TempFile, writeTempFile } from './temp-file.js';

export interface LocalCopiesOptions {
  readonly folder: BucketFolder;
  readonly bucketName: string;
  readonly idleMs: number;
  readonly maxCopyBytes: number;
}

/** Where the file system can share blocks between files, no byte is copied; elsewhere all are read and compared. */
export function localCopies(options: LocalCopiesOptions): ObjectCopies {
  return {
    maxCopyBytes: options.maxCopyBytes,
    copy: (fromKey, toKey, copyOptions) => copy(options, [fromKey, toKey], copyOptions),
  };
}

function copy(
  { folder, bucketName, idleMs }: LocalCopiesOptions,
  [fromKey, toKey]: readonly [string, string],
  { sizeBytes, sha256, createOnly = false, signal }: CopyOptions,
): Promise<CopiedObject> {
  const call: DiskCall = { operation: 'copy', bucket: bucketName, signal };
  return onDisk(call, async () => {
    assertObjectKey(fromKey, call.operation);
    assertObjectKey(toKey, call.operation);
    const bucket = await folder.make(call);
    const { handle, stats } = await openObject(call, bucket, fromKey);
    try {
      assertCopyLength('source', Number(stats.size), sizeBytes);
      const sharing = await sharingFile(bucket, handle);
      const body = () => handle.createReadStream({ start: 0, autoClose: false });
      const temp =
        sharing ?? (await writeTempFile(call, bucket, { body: body(), sizeBytes, sha256, idleMs }));
      await publishObject(call, bucket, { key: toKey, temp, createOnly });
      const proof = sharing !== undefined ? 'digest' : sha256 !== undefined ? 'sha256' : 'length';
      return { etag: etagOf(temp.stats), proof };
    } finally {
      await handle.close();
    }
  });
}

/** A temporary file of the same blocks, durable; undefined where the file system cannot do that. */
async function sharingFile(bucket: string, source: FileHandle): Promise<TempFile | undefined> {
  const path = join(bucket, TEMP_FOLDER, randomUUID());
  await makeFolders(bucket, join(bucket, TEMP_FOLDER));
  const mode = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;
  try {
    // The file that is open, whatever lies at its name meanwhile.
    await copyFile(`/proc/self/fd/${source.fd}`, path, mode);
  } catch {
    await discard(path);
    return undefined;
  }
  try {
    const handle = await open(path, 'r+');
    try {
      await handle.sync();
      return { path, stats: await handle.stat({ bigint: true }) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    await discard(path);
    throw error;
  }
}
