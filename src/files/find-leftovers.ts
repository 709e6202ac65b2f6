import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import type { Statements } from '../database/statements.js';
import type { ObjectInfo, UnfinishedUpload } from '../storage-providers/storage-provider.js';
import { strictList } from '../storage-providers/strict-list.js';
import { namedKeys, namedUploads } from './named-keys.js';
import { firstOf, type Leftovers, oldEnough, type UnfinishedRow } from './leftovers.js';

/** All objects of files lie below this, relative to the storage's own prefix. */
export const FILES_PREFIX = 'f/';

const OBJECTS_AT_ONCE = 1_000;

/** A report shows at most this many of each kind. */
export const MAX_REPORTED = 1_000;

const UNFINISHED_ROWS = {
  name: 'files_unfinished_rows',
  text: `SELECT id, filename, object_key, state, upload_id, uploaded_at FROM cloud_files
    WHERE state IN ('pending', 'deleting') AND user_id = $1 AND cloud_config_id IN
      (SELECT id FROM cloud_configs WHERE bucket_name = (SELECT bucket_name FROM cloud_configs WHERE id = $2))
    ORDER BY id LIMIT $3`,
};

interface RowOfFile {
  readonly id: number;
  readonly filename: string;
  readonly object_key: string;
  readonly state: UnfinishedRow['state'];
  readonly upload_id: string | null;
  readonly uploaded_at: Date;
}

export interface LeftoverSearch {
  readonly userId: number;
  readonly bucket: Pick<OpenedConfig, 'configId' | 'storage'>;
  readonly olderThanMs: number;
  readonly nowMs: number;
  readonly signal?: AbortSignal;
}

export interface LeftoverReport extends Leftovers {
  /** How many objects the bucket holds below our prefix. */
  readonly scannedObjects: number;
  /** Whether there is more than the report shows. */
  readonly truncated: boolean;
}

/**
 * Looks for what interrupted uploads and deletions left, and changes nothing.
 *
 * Objects are listed before their rows are looked up, so an upload that ends meanwhile is found to be named. A file
 * that is deleted meanwhile may be reported although it is gone: whoever acts on a report has to look again.
 * @throws StorageError when the bucket cannot be listed completely
 */
export async function findLeftovers(statements: Statements, search: LeftoverSearch): Promise<LeftoverReport> {
  const { userId, bucket, olderThanMs, nowMs } = search;
  const uploads = await unnamedUploads(statements, search);
  const { objects, scannedObjects } = await unnamedObjects(statements, search);
  const rows = await unfinishedRows(statements, userId, bucket.configId);
  const leftovers = oldEnough({ rows, objects, uploads }, nowMs, olderThanMs);
  return { ...firstOf(leftovers, MAX_REPORTED), scannedObjects };
}

async function unnamedUploads(statements: Statements, { bucket, signal }: LeftoverSearch) {
  const all = (await bucket.storage.multipart?.listUnfinished?.(FILES_PREFIX, { signal })) ?? [];
  const named = await namedUploads(
    statements,
    all.map(({ uploadId }) => uploadId),
  );
  return all.filter(({ uploadId }: UnfinishedUpload) => !named.has(uploadId));
}

/** In constant memory: of all objects only those that are leftovers are kept, and not more than a report shows. */
async function unnamedObjects(statements: Statements, { bucket, signal }: LeftoverSearch) {
  const unnamed: ObjectInfo[] = [];
  let scannedObjects = 0;
  const take = async (batch: readonly ObjectInfo[]) => {
    scannedObjects += batch.length;
    const found = await withoutRow(statements, bucket.configId, batch);
    unnamed.push(...found.slice(0, MAX_REPORTED + 1 - unnamed.length));
  };
  let batch: ObjectInfo[] = [];
  for await (const object of strictList(bucket.storage, { prefix: FILES_PREFIX, signal })) {
    batch.push(object);
    if (batch.length < OBJECTS_AT_ONCE) continue;
    await take(batch);
    batch = [];
  }
  await take(batch);
  return { objects: unnamed, scannedObjects };
}

async function withoutRow(statements: Statements, configId: number, objects: readonly ObjectInfo[]) {
  const named = await namedKeys(
    statements,
    configId,
    objects.map(({ key }) => key),
  );
  return objects.filter(({ key }) => !named.has(key));
}

async function unfinishedRows(
  statements: Statements,
  userId: number,
  configId: number,
): Promise<UnfinishedRow[]> {
  const rows = await statements.query<RowOfFile>(UNFINISHED_ROWS, [userId, configId, MAX_REPORTED + 1]);
  return rows.map((row) => ({
    id: row.id,
    filename: row.filename,
    objectKey: row.object_key,
    state: row.state,
    uploadId: row.upload_id ?? undefined,
    since: row.uploaded_at,
  }));
}
