import type { ObjectInfo, ObjectStorage } from '../../storage-providers/storage-provider.js';
import { strictList } from '../../storage-providers/strict-list.js';
import { FILES_PREFIX } from '../find-leftovers.js';
import {
  type Comparison,
  type Found,
  isOurKey,
  type LiveRow,
  type UnnamedObject,
  type UnnamedUpload,
} from './plan-sweep.js';
import { MAX_SIGHTINGS } from './sweep-limits.js';

const OBJECTS_AT_ONCE = 1_000;
const ROWS_AT_ONCE = 5_000;

/** Behind every key of `FILES_PREFIX`: `0` follows the slash. */
const BEHIND_ALL_KEYS = 'f0';

/** What the rows tell of a place; see sweep-rows.service.ts. */
export interface ComparedRows {
  namedKeys(configId: number, keys: readonly string[]): Promise<ReadonlySet<string>>;
  namedUploads(uploadIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Of all configurations of the same place, in the byte order of their keys: more than `after` and at most `to`. */
  liveBetween(configId: number, after: string, to: string, limit: number): Promise<readonly LiveRow[]>;
}

export interface ComparedBucket {
  readonly configId: number;
  readonly storage: Pick<ObjectStorage, 'listPage' | 'multipart'>;
  /** Objects and uploads that were made later are left out of account. */
  readonly objectsBeforeMs: number;
  /** Rows that were written later are. */
  readonly rowsBeforeMs: number;
  readonly signal: AbortSignal;
}

/**
 * Reads a bucket's listing and its rows side by side, both in the byte order of keys. In constant memory: of all
 * objects only those that are of interest are kept, and not more than `MAX_SIGHTINGS` of each kind.
 * @throws StorageError when the bucket cannot be listed completely
 */
export async function compareBucket(rows: ComparedRows, bucket: ComparedBucket): Promise<Comparison> {
  const uploads = await unnamedUploads(rows, bucket);
  const reading = new SideBySide(rows, bucket);
  let batch: ObjectInfo[] = [];
  const { storage, signal } = bucket;
  for await (const object of strictList(storage, { prefix: FILES_PREFIX, signal })) {
    batch.push(object);
    if (batch.length < OBJECTS_AT_ONCE) continue;
    await reading.take(batch, batch.at(-1)!.key);
    batch = [];
  }
  await reading.take(batch, BEHIND_ALL_KEYS);
  return { ...reading.result(), uploads };
}

async function unnamedUploads(
  rows: ComparedRows,
  { storage, objectsBeforeMs, signal }: ComparedBucket,
): Promise<Found<UnnamedUpload>> {
  const all = (await storage.multipart?.listUnfinished?.(FILES_PREFIX, { signal })) ?? [];
  const old = all
    .map(({ key, uploadId, startedAt }) => ({ key, uploadId, startedAtMs: startedAt.getTime() }))
    .filter(({ key, startedAtMs }) => isOurKey(key) && startedAtMs < objectsBeforeMs);
  const found = new Kept<UnnamedUpload>();
  for (let at = 0; at < old.length; at += OBJECTS_AT_ONCE) {
    const some = old.slice(at, at + OBJECTS_AT_ONCE);
    const named = await rows.namedUploads(some.map(({ uploadId }) => uploadId));
    for (const upload of some) if (!named.has(upload.uploadId)) found.add(upload);
  }
  return found;
}

class SideBySide {
  readonly #objects = new Kept<UnnamedObject>();
  readonly #absent = new Kept<LiveRow>();
  readonly #found = new Kept<LiveRow>();
  #scannedObjects = 0;
  #liveRows = 0;
  #after = '';

  constructor(
    private readonly rows: ComparedRows,
    private readonly bucket: ComparedBucket,
  ) {}

  /** @param objects all that lie behind those before, up to `to` */
  async take(objects: readonly ObjectInfo[], to: string): Promise<void> {
    this.#scannedObjects += objects.length;
    await this.takeUnnamed(objects);
    await this.takeRows(new Set(objects.map(({ key }) => key)), to);
    this.#after = to;
  }

  result(): Omit<Comparison, 'uploads'> {
    return {
      scannedObjects: this.#scannedObjects,
      liveRows: this.#liveRows,
      objects: this.#objects,
      absent: this.#absent,
      found: this.#found.first,
    };
  }

  private async takeUnnamed(objects: readonly ObjectInfo[]): Promise<void> {
    const { configId, objectsBeforeMs } = this.bucket;
    const old = objects.filter(
      ({ key, lastModified }) => isOurKey(key) && lastModified.getTime() < objectsBeforeMs,
    );
    // The rows are asked after the listing: an upload that ended in between is found to be named.
    const named = await this.rows.namedKeys(
      configId,
      old.map(({ key }) => key),
    );
    for (const { key, etag, sizeBytes, lastModified } of old) {
      if (!named.has(key))
        this.#objects.add({ key, etag, sizeBytes, lastModifiedMs: lastModified.getTime() });
    }
  }

  private async takeRows(listed: ReadonlySet<string>, to: string): Promise<void> {
    const { configId, rowsBeforeMs } = this.bucket;
    let after = this.#after;
    // A bucket that lost more is in doubt anyway.
    while (this.#absent.count <= MAX_SIGHTINGS) {
      const rows = await this.rows.liveBetween(configId, after, to, ROWS_AT_ONCE);
      this.#liveRows += rows.length;
      for (const row of rows) {
        if (listed.has(row.objectKey)) {
          if (row.isMissing) this.#found.add(row);
        } else if (row.storedAtMs < rowsBeforeMs) this.#absent.add(row);
      }
      if (rows.length < ROWS_AT_ONCE) return;
      after = rows.at(-1)!.objectKey;
    }
  }
}

/** Counts all and keeps the first. */
class Kept<T> implements Found<T> {
  readonly first: T[] = [];
  count = 0;

  add(one: T): void {
    this.count += 1;
    if (this.first.length < MAX_SIGHTINGS) this.first.push(one);
  }
}
