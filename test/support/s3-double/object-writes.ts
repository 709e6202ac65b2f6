import { tear, type Segment } from '../body-store.js';
import type { S3Call } from './s3-call.js';
import type { S3Checksum } from './verified-body.js';

export interface StoredBody {
  readonly segment: Segment;
  readonly md5Hex: string;
  readonly checksums: Partial<Record<S3Checksum, string>>;
}

/** Reads and checks the whole body into the store. Nothing refers to it yet. A torn write keeps only its beginning. */
export async function storeBody(call: S3Call): Promise<StoredBody> {
  const { bodies } = call.store;
  const whole = await bodies.write(call.body);
  const { md5Hex, checksums } = call.body;
  const segment = await tear(bodies, whole, call.keepBytes);
  return { segment, md5Hex, checksums: segment === whole ? checksums : {} };
}
