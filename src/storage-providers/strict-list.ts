import { StorageError } from './storage-errors.js';
import type { CallOptions, ObjectInfo, ObjectStorage } from './storage-provider.js';

export interface StrictListOptions extends CallOptions {
  readonly prefix: string;
  /** More pages than this are an error; at 1,000 objects a page the default covers 100 million objects. */
  readonly pageLimit?: number;
  /** Objects asked for at once, at most 1,000. */
  readonly pageSize?: number;
}

/**
 * Every object below `prefix`, or an error: a listing that ends early looks like deleted objects to whoever sweeps
 * or prunes by it. Keys must ascend in UTF-8 byte order, lie below the prefix and never repeat; a cursor must be
 * new; the last page must say that it is the last.
 * Throws a StorageError `provider_error` with providerCode `PROVIDER_PROTOCOL_ERROR` on the first breach.
 */
export async function* strictList(
  storage: Pick<ObjectStorage, 'listPage'>,
  { prefix, signal, pageLimit = DEFAULT_PAGE_LIMIT, pageSize }: StrictListOptions,
): AsyncGenerator<ObjectInfo, void, void> {
  const checkCursor = cursorCheck();
  let previousKey: string | undefined;
  let cursor: string | undefined;
  for (let pages = 0; pages < pageLimit; pages += 1) {
    if (signal?.aborted) throw aborted(signal.reason);
    const page = await storage.listPage({ prefix, cursor, limit: pageSize, signal });
    for (const object of page.objects) {
      assertNext(object, previousKey, prefix);
      previousKey = object.key;
      yield object;
    }
    cursor = page.nextCursor;
    if (cursor === undefined) return;
    checkCursor(cursor);
  }
  throw breach(`the listing did not end within ${pageLimit} pages`);
}

const DEFAULT_PAGE_LIMIT = 100_000;

/** Providers' cursors are below 2 KiB. */
const MAX_CURSOR_CHARACTERS = 8_192;

/**
 * Notices cursors that go round by remembering one of them (Brent's algorithm): a repeat of the previous one is
 * seen at once, a longer circle within a few rounds of it.
 */
function cursorCheck(): (cursor: string) => void {
  let remembered: string | undefined;
  let previous: string | undefined;
  let steps = 0;
  let limit = 1;
  return (cursor) => {
    if (cursor === '') throw breach('the listing says that there is more, but not where');
    if (cursor.length > MAX_CURSOR_CHARACTERS) throw breach('the cursor is too long');
    if (cursor === previous || cursor === remembered) throw breach('the cursor repeats');
    previous = cursor;
    steps += 1;
    if (steps < limit) return;
    remembered = cursor;
    steps = 0;
    limit *= 2;
  };
}

function assertNext(object: ObjectInfo, previousKey: string | undefined, prefix: string): void {
  if (!object.key.startsWith(prefix)) throw breach('a key lies outside of the prefix that was asked for');
  if (previousKey !== undefined && compareUtf8(previousKey, object.key) >= 0) {
    throw breach('the keys do not ascend');
  }
  if (!Number.isSafeInteger(object.sizeBytes) || object.sizeBytes < 0) throw breach('a size is not a number');
  if (Number.isNaN(object.lastModified.getTime())) throw breach('a date cannot be read');
}

/** Order of the UTF-8 bytes, which is not that of UTF-16 units: U+10000 and above come after U+FFFF. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return aboveSurrogates(a) - aboveSurrogates(b);
  }
  return left.length - right.length;
}

/** Moves surrogates behind the rest of the Basic Multilingual Plane, where UTF-8 has what they encode. */
function aboveSurrogates(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function breach(what: string): StorageError {
  return new StorageError('provider_error', `The listing cannot be trusted: ${what}.`, {
    operation: 'list',
    hint: 'Nothing was changed on the ground of it. Check that the endpoint is the object store itself, then try again.',
    retryable: false,
    providerCode: 'PROVIDER_PROTOCOL_ERROR',
  });
}

function aborted(cause: unknown): StorageError {
  return new StorageError('aborted', 'The listing was aborted.', {
    operation: 'list',
    hint: 'Nothing to repair: the caller ended the call.',
    retryable: false,
    cause,
  });
}
