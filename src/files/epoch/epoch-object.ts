import { buffer } from 'node:stream/consumers';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { ObjectStorage, StoredObject } from '../../storage-providers/storage-provider.js';

/** Lies below each configuration's prefix, beside `f/` and the repositories. */
export const EPOCH_KEY = '_meta/epoch';

const FORMAT = 1;
/** What is larger was not written by us. */
const MAX_BYTES = 4_096;
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/;

/** What the object says. */
export interface EpochMark {
  readonly installationId: string;
  /** Id of the place, of the row in `bucket_epochs`. */
  readonly bucketId: string;
  readonly epochId: string;
  readonly counter: number;
}

/**
 * @returns undefined when there is none; `unreadable` when it holds something else
 * @throws StorageError
 */
export async function readEpoch(
  storage: Pick<ObjectStorage, 'get'>,
  signal: AbortSignal,
): Promise<EpochMark | 'unreadable' | undefined> {
  try {
    const { body, totalBytes } = await storage.get(EPOCH_KEY, { signal });
    if (totalBytes > MAX_BYTES) {
      body.destroy();
      return 'unreadable';
    }
    return parse((await buffer(body)).toString('utf8')) ?? 'unreadable';
  } catch (error) {
    if (isStorageError(error, 'object_not_found')) return undefined;
    throw error;
  }
}

/**
 * @param options.createOnly fails with `conflict` when there is one already, where the bucket can tell
 * @throws StorageError
 */
export function writeEpoch(
  storage: Pick<ObjectStorage, 'put'>,
  { installationId, bucketId, epochId, counter }: EpochMark,
  { atMs, createOnly, signal }: { atMs: number; createOnly: boolean; signal: AbortSignal },
): Promise<StoredObject> {
  const body = Buffer.from(
    `${JSON.stringify({
      format: FORMAT,
      installation_id: installationId,
      bucket_id: bucketId,
      epoch_id: epochId,
      counter,
      written_at: new Date(atMs).toISOString(),
    })}\n`,
  );
  const options = { sizeBytes: body.length, contentType: 'application/json', createOnly, signal };
  return storage.put(EPOCH_KEY, body, options);
}

function parse(text: string): EpochMark | undefined {
  const { format, installation_id, bucket_id, epoch_id, counter } = fieldsOf(text);
  const ids = [installation_id, bucket_id, epoch_id];
  const isWhole =
    format === FORMAT &&
    ids.every((id) => typeof id === 'string' && UUID.test(id)) &&
    Number.isSafeInteger(counter) &&
    (counter as number) > 0;
  if (!isWhole) return undefined;
  const [installationId, bucketId, epochId] = ids as [string, string, string];
  return { installationId, bucketId, epochId, counter: counter as number };
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
