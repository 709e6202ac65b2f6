import type { ListPage, ObjectInfo } from '../../storage-provider.js';
import { compareUtf8 } from '../../strict-list.js';
import { protocolError } from '../http/answer-body.js';
import { lengthIn } from '../http/content-headers.js';
import { childText, childrenOf, type XmlElement } from '../http/xml.js';

/**
 * One page of List Blobs. `<Blobs>` and `<NextMarker>` must be there, even when empty: a document without them does
 * not say that the container is empty.
 */
export function readListPage(root: XmlElement, container: string, limit: number): ListPage {
  const [, named] = /\bContainerName\s*=\s*["']([^"']*)["']/.exec(root.attributes) ?? [];
  if (named !== undefined && named !== container)
    throw protocolError('list', 'the listing of another container');
  const [blobs] = childrenOf(root, 'Blobs');
  const nextMarker = childText(root, 'NextMarker');
  if (blobs === undefined || nextMarker === undefined)
    throw protocolError('list', 'a listing without a list or end');
  const all = childrenOf(blobs, 'Blob');
  if (all.length > limit) throw protocolError('list', 'more objects than were asked for');
  return {
    objects: all.filter((blob) => !isDirectory(blob)).map(readBlob),
    nextCursor: nextMarker === '' ? undefined : nextMarker,
  };
}

/** Pages that are read on at most; more are no listing of ours. */
const MAX_PAGES_AT_ONCE = 100;

/**
 * One page in UTF-8 byte order of a service that may order names by UTF-16 units, as Azurite does and Azure nowhere
 * excludes. The orders differ only where a character beyond U+FFFF meets one from U+E000 on, so a page that ends
 * between such names is read on until none can come that belongs before: only then it may be longer than asked for.
 * Any other disorder stays as it is, for `strictList` to see.
 */
export async function readOrderedPage(
  read: (marker: string | undefined) => Promise<ListPage>,
  marker: string | undefined,
): Promise<ListPage> {
  let page = await read(marker);
  let objects = page.objects;
  for (let pages = 1; page.nextCursor !== undefined && mayComeBefore(objects); pages += 1) {
    if (pages === MAX_PAGES_AT_ONCE)
      throw protocolError('list', 'names in an order that cannot be put right');
    page = await read(page.nextCursor);
    objects = [...objects, ...page.objects];
  }
  return { objects: inByteOrder(objects), nextCursor: page.nextCursor };
}

/** Whether a later page may hold a name that belongs before one of these. */
function mayComeBefore(objects: readonly ObjectInfo[]): boolean {
  const last = objects.at(-1)?.key;
  return last !== undefined && (SURROGATE.test(last) || inByteOrder(objects).at(-1)?.key !== last);
}

const SURROGATE = /[\ud800-\udfff]/;

function inByteOrder(objects: readonly ObjectInfo[]): readonly ObjectInfo[] {
  const isInUnitOrder = objects.every(({ key }, at) => at === 0 || objects[at - 1]!.key < key);
  return isInUnitOrder ? objects.toSorted((a, b) => compareUtf8(a.key, b.key)) : objects;
}

/** The key of a listed blob; names that XML cannot hold come percent-encoded. */
export function blobName(blob: XmlElement): string {
  const [name] = childrenOf(blob, 'Name');
  if (!name?.text) throw protocolError('list', 'a blob without a name');
  if (!/\bEncoded\s*=\s*["']true["']/i.test(name.attributes)) return name.text;
  try {
    return decodeURIComponent(name.text);
  } catch {
    throw protocolError('list', 'a name that cannot be read');
  }
}

/** Accounts with a hierarchical namespace list folders among the blobs. */
function isDirectory(blob: XmlElement): boolean {
  return childText(childrenOf(blob, 'Properties')[0], 'ResourceType') === 'directory';
}

function readBlob(blob: XmlElement): ObjectInfo {
  const [properties] = childrenOf(blob, 'Properties');
  const sizeBytes = lengthIn(childText(properties, 'Content-Length'));
  const etag = bareEtag(childText(properties, 'Etag'));
  const lastModified = new Date(childText(properties, 'Last-Modified') ?? Number.NaN);
  if (sizeBytes === undefined || etag === undefined || Number.isNaN(lastModified.getTime())) {
    throw protocolError('list', 'a blob that lacks its size, ETag or time');
  }
  return { key: blobName(blob), sizeBytes, etag, lastModified };
}

/** Headers carry quotes, listings do not. */
export function bareEtag(etag: string | undefined): string | undefined {
  return etag?.replaceAll('"', '') || undefined;
}
