import { createHash, timingSafeEqual } from 'node:crypto';
import type { DoubleAnswer } from '../double-server.js';
import { parameter } from '../raw-request.js';
import { assertPermitted } from './gcs-authentication.js';
import { assertObjectName, assertWritable, type GcsCall, preconditionsOf } from './gcs-call.js';
import { gcsFaults, jsonAnswer } from './gcs-fault.js';
import { findObject } from './json-api.js';
import type { GcsObject } from './gcs-store.js';
import { objectResource } from './object-resource.js';

/** Google copies large objects in several calls; here all above a size that tests can afford take two. */
const ONE_CALL_BYTES = 1024 * 1024;

/** `rewriteTo`: copies within the double; a token says how far, and belongs to this source and this target only. */
export async function rewriteObject(
  call: GcsCall,
  targetBucket: string,
  target: string,
): Promise<DoubleAnswer> {
  const source = findObject(call);
  const sourceGeneration = parameter(call.request, 'ifSourceGenerationMatch');
  if (sourceGeneration !== undefined && sourceGeneration !== source.generation)
    throw gcsFaults.precondition();
  assertPermitted(call.caller, 'storage.objects.create');
  if (!call.store.hasBucket(targetBucket)) throw gcsFaults.noBucket();
  assertObjectName(target);
  const conditions = preconditionsOf(call.request);
  assertWritable(call, targetBucket, target, conditions);
  const token = tokenOf(source, targetBucket, target);
  const given = parameter(call.request, 'rewriteToken');
  if (given !== undefined && !isSame(given, token)) throw gcsFaults.invalid('Invalid rewrite token');
  const kind = 'storage#rewriteResponse';
  const objectSize = String(source.sizeBytes);
  if (given === undefined && source.sizeBytes > ONE_CALL_BYTES) {
    const totalBytesRewritten = String(ONE_CALL_BYTES);
    return jsonAnswer({ kind, totalBytesRewritten, objectSize, done: false, rewriteToken: token });
  }
  const segment = await call.store.bodies.write(call.store.read(source, 0, source.sizeBytes - 1));
  try {
    assertWritable(call, targetBucket, target, conditions);
  } catch (error) {
    await call.store.bodies.remove(segment);
    throw error;
  }
  const copy = call.store.put({
    ...source,
    bucket: targetBucket,
    name: target,
    createdAtMs: call.nowMs,
    segments: [segment],
  });
  const resource = objectResource(copy, call.origin);
  return jsonAnswer({ kind, totalBytesRewritten: objectSize, objectSize, done: true, resource });
}

function tokenOf({ bucket, name, generation }: GcsObject, targetBucket: string, target: string): string {
  const about = JSON.stringify([bucket, name, generation, targetBucket, target]);
  return createHash('sha256').update(about).digest('base64url');
}

function isSame(given: string, token: string): boolean {
  return given.length === token.length && timingSafeEqual(Buffer.from(given), Buffer.from(token));
}
