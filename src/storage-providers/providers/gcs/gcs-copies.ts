import { assertCopyLength } from '../../copy-failures.js';
import { assertObjectKey } from '../../object-key.js';
import type { CopiedObject, CopyOptions, ObjectCopies } from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';
import type { GcsClient } from './gcs-client.js';
import { jsonPath, queryString } from './gcs-paths.js';
import { OBJECT_FIELDS, readObject } from './object-resource.js';

const TIB = 1024 ** 4;
/** One call may take so long until it says how far it is. */
const REWRITE_MS = 5 * 60_000;
/** Calls for one object: Google copies at least 1 MiB in each, and most objects in one. */
const MAX_REWRITES = 100_000;
const FIELDS = `${OBJECT_FIELDS},crc32c`;

type Json = Readonly<Record<string, unknown>>;

/**
 * objects.rewrite, again and again with its token until it is done
 * (https://docs.cloud.google.com/storage/docs/json_api/v1/objects/rewrite). Nothing is visible before; Google forgets a
 * rewrite that nobody goes on with.
 * @param remove deletes a copy that is not what it should be
 */
export function gcsCopies(client: GcsClient, remove: (key: string) => Promise<void>): ObjectCopies {
  return {
    maxCopyBytes: 5 * TIB,
    copy: (fromKey, toKey, options) => copy(client, remove, [fromKey, toKey], options),
  };
}

async function copy(
  client: GcsClient,
  remove: (key: string) => Promise<void>,
  [fromKey, toKey]: readonly [string, string],
  { sizeBytes, createOnly, signal }: CopyOptions,
): Promise<CopiedObject> {
  assertObjectKey(fromKey, 'copy');
  assertObjectKey(toKey, 'copy');
  const path = jsonPath(client.bucket, fromKey) + queryString({ fields: FIELDS });
  const answer = await client.json({ operation: 'copy', method: 'GET', path, signal });
  const source = readObject(answer, client.bucket, 'copy');
  assertCopyLength('source', source.sizeBytes, sizeBytes);
  const condition = {
    ifSourceGenerationMatch: source.etag,
    ifGenerationMatch: createOnly === true ? '0' : undefined,
  };
  const resource = await rewrite(client, [fromKey, toKey], condition, signal);
  const stored = readObject(resource, client.bucket, 'copy');
  try {
    assertCopyLength('copy', stored.sizeBytes, sizeBytes);
  } catch (error) {
    await remove(toKey).catch(() => undefined);
    throw error;
  }
  const isSame = typeof answer.crc32c === 'string' && answer.crc32c === (resource as Json).crc32c;
  return { etag: stored.etag, proof: isSame ? 'digest' : 'length' };
}

/** The copy's resource. */
async function rewrite(
  client: GcsClient,
  [fromKey, toKey]: readonly [string, string],
  condition: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const target = jsonPath(client.bucket, toKey).replace(/^\/storage\/v1/, '');
  const fields = `kind,done,rewriteToken,resource(${FIELDS})`;
  let rewriteToken: string | undefined;
  for (let calls = 0; calls < MAX_REWRITES; calls += 1) {
    const query = queryString({ ...condition, rewriteToken, fields });
    const answer = await client.json({
      operation: 'copy',
      method: 'POST',
      path: `${jsonPath(client.bucket, fromKey)}/rewriteTo${target}${query}`,
      body: Buffer.alloc(0),
      responseMs: REWRITE_MS,
      signal,
    });
    if (answer.kind !== 'storage#rewriteResponse') break;
    if (answer.done === true) return answer.resource;
    if (typeof answer.rewriteToken !== 'string' || answer.rewriteToken === '') break;
    rewriteToken = answer.rewriteToken;
  }
  throw protocolError('copy', 'a rewrite that does not end');
}
