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
    objects: inByteOrder(all.filter((blob) => !isDirectory(blob)).map(readBlob)),
    nextCursor: nextMarker === '' ? undefined : nextMarker,
  };
}

/**
 * Azurite, and by its documentation nobody promises more of Azure, orders names by UTF-16 units. Only a page in that
 * order is put into ours; any other disorder stays for `strictList` to see.
 */
function inByteOrder(objects: ObjectInfo[]): ObjectInfo[] {
  const isInUnitOrder = objects.every(({ key }, at) => at === 0 || objects[at - 1]!.key < key);
  return isInUnitOrder ? objects.sort((a, b) => compareUtf8(a.key, b.key)) : objects;
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
