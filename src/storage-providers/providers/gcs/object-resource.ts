import type { StorageOperation } from '../../storage-errors.js';
import type { ListPage, ObjectHead } from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';

/** What we ask of `storage#object`; anything more only makes pages longer. */
export const OBJECT_FIELDS = 'name,bucket,size,generation,updated';

type Json = Readonly<Record<string, unknown>>;

/** One page of the JSON API's objects.list. A page without `items` is empty only when it says that it is a page. */
export function readListPage(answer: Json, bucket: string, limit: number): ListPage {
  const { kind, items, nextPageToken } = answer;
  if (kind !== 'storage#objects') throw protocolError('list', 'something else than a listing');
  if (items !== undefined && !Array.isArray(items)) throw protocolError('list', 'a listing without a list');
  if (nextPageToken !== undefined && !isText(nextPageToken)) {
    throw protocolError('list', 'a listing that says neither where it ends nor where it goes on');
  }
  const objects = ((items ?? []) as unknown[]).map((item) => {
    const { contentType: _unasked, ...object } = readObject(item, bucket, 'list');
    return object;
  });
  if (objects.length > limit) throw protocolError('list', 'more objects than were asked for');
  return { objects, nextCursor: nextPageToken };
}

/** One `storage#object`. Its generation is the etag: both APIs tell it, which is not true of their ETags. */
export function readObject(value: unknown, bucket: string, operation: StorageOperation): ObjectHead {
  const object = (typeof value === 'object' && value !== null ? value : {}) as Json;
  const sizeBytes = isDigits(object.size) ? Number(object.size) : Number.NaN;
  const lastModified = new Date(isText(object.updated) ? object.updated : Number.NaN);
  const { name, generation } = object;
  const isWhole =
    object.bucket === bucket &&
    isText(name) &&
    isDigits(generation) &&
    Number.isSafeInteger(sizeBytes) &&
    !Number.isNaN(lastModified.getTime());
  if (!isWhole)
    throw protocolError(operation, 'an object that lacks its bucket, name, size, generation or time');
  return {
    key: name,
    sizeBytes,
    etag: generation,
    lastModified,
    contentType: isText(object.contentType) ? object.contentType : undefined,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isDigits(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,19}$/.test(value);
}
