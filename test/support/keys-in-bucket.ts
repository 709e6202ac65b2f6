import { EPOCH_KEY } from '../../src/files/epoch/epoch-object.js';
import type { S3Double } from './s3-double/s3-double.js';

/**
 * The keys of a double's bucket, sorted by their bytes, without the note of the epoch: the server writes that one at the
 * next tenth minute of the clock, which no spec can foresee.
 */
export function keysInBucket({ store, bucket }: Pick<S3Double, 'store' | 'bucket'>): string[] {
  return store
    .sortedKeys(bucket)
    .filter((key) => store.find(bucket, key) !== undefined && !key.endsWith(EPOCH_KEY));
}
