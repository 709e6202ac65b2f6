import { lstat, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from './disk-failure.js';
import { TEMP_FOLDER } from './key-places.js';

/** A file that is still written to is younger: each write renews its time. */
const STALE_AFTER_MS = 24 * 3_600_000;
/** A sweep is a courtesy of one call: it must not become its work. */
const MAX_FILES = 1_000;

/** Removes what crashed uploads left behind. */
export async function sweepTempFiles(bucket: string, nowMs: number): Promise<void> {
  const folder = join(bucket, TEMP_FOLDER);
  let seen = 0;
  try {
    for await (const { name } of await opendir(folder)) {
      if ((seen += 1) > MAX_FILES) return;
      const path = join(folder, name);
      const stats = await lstat(path).catch(() => undefined);
      if (stats !== undefined && nowMs - stats.mtimeMs > STALE_AFTER_MS) {
        await rm(path, { recursive: true, force: true });
      }
    }
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}
