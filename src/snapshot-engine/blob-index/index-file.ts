import { isSha256Hex } from '../crypto/sha256-hex.js';
import { sizeProblem } from '../pack/pack-header.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import { JsonCursor } from './json-cursor.js';

/*
 * An index file is `{"packs":[{"id","blobs":[{"id","type","offset","length","uncompressed_length"?}]}]}`. Old ones
 * have `supersedes`, which means nothing any more; unknown fields are skipped.
 */

/** restic's number; with it a file stays below the 8 MiB that restic advises. */
export const MAX_INDEX_FILE_BLOBS = 50_000;

/** So many blobs are read between two looks at the clock. */
const BLOBS_PER_STEP = 2_048;

export interface PackListing {
  readonly id: string;
  readonly blobs: readonly PackedBlob[];
}

/** What becomes of a field that means nothing, or is there a second time: reads over its value, or throws. */
export type OtherField = (cursor: JsonCursor, key: string) => void;

/**
 * For files of writers that nobody trusts: what one reader skips may be what another one reads, of two fields of one name
 * or of names that differ in their case. Throws `damaged_repository`.
 */
export const refuseField: OtherField = (cursor, key) => {
  if (key !== 'supersedes') throw cursor.error('it has a field that is none of an index, or has one twice');
  for (const _ of cursor.elements()) throw cursor.error('it supersedes other files');
};

const skipField: OtherField = (cursor) => cursor.skip();

/** Divides packs among index files of at most MAX_INDEX_FILE_BLOBS; a pack is in one file as a whole. */
export function* indexFileGroups<Pack extends { readonly blobCount: number }>(
  packs: Iterable<Pack>,
): Generator<Pack[], void, void> {
  let group: Pack[] = [];
  let blobs = 0;
  for (const pack of packs) {
    if (group.length > 0 && blobs + pack.blobCount > MAX_INDEX_FILE_BLOBS) {
      yield group;
      group = [];
      blobs = 0;
    }
    group.push(pack);
    blobs += pack.blobCount;
  }
  if (group.length > 0) yield group;
}

/** The JSON of an index file in pieces, one a pack, so that a caller may rest between them. */
export function* encodeIndexFile(packs: Iterable<PackListing>): Generator<Buffer, void, void> {
  let separator = '{"packs":[';
  for (const { id, blobs } of packs) {
    const entries = blobs.map(encodeBlob).join(',');
    yield Buffer.from(`${separator}{"id":"${id}","blobs":[${entries}]}`, 'latin1');
    separator = ',';
  }
  yield Buffer.from(separator === ',' ? ']}' : `${separator}]}`);
}

/**
 * The packs that an index file lists, one by one; `undefined` every now and then while a large pack is read. Throws
 * `damaged_repository` unless all of it is an index: ids, types and sizes that are possible, each once.
 */
export function* parseIndexFile(
  json: Buffer,
  subject: string,
  otherField: OtherField = skipField,
): Generator<PackListing | undefined, void, void> {
  const cursor = new JsonCursor(json, subject);
  let found = false;
  for (const key of cursor.keys()) {
    if (key === 'packs' && !found) {
      found = true;
      for (const _ of cursor.elements()) yield* parsePack(cursor, otherField);
    } else {
      otherField(cursor, key);
    }
  }
  cursor.end();
  if (!found) throw cursor.error('it lists no packs');
}

function* parsePack(
  cursor: JsonCursor,
  otherField: OtherField,
): Generator<PackListing | undefined, void, void> {
  let id: string | undefined;
  let blobs: PackedBlob[] | undefined;
  for (const key of cursor.keys()) {
    if (key === 'id' && id === undefined) {
      id = parseId(cursor);
    } else if (key === 'blobs' && blobs === undefined) {
      blobs = [];
      for (const _ of cursor.elements()) {
        blobs.push(parseBlob(cursor, otherField));
        if (blobs.length % BLOBS_PER_STEP === 0) yield undefined;
      }
    } else {
      otherField(cursor, key);
    }
  }
  if (id === undefined || blobs === undefined) throw cursor.error('a pack in it has no id or no blobs');
  yield { id, blobs };
}

function parseBlob(cursor: JsonCursor, otherField: OtherField): PackedBlob {
  let id = '';
  let type = '';
  let offset = -1;
  let lengthBytes = -1;
  let uncompressedBytes = 0;
  for (const key of cursor.keys()) {
    if (key === 'id') id = parseId(cursor);
    else if (key === 'type') type = cursor.string();
    else if (key === 'offset') offset = cursor.uint32();
    else if (key === 'length') lengthBytes = cursor.uint32();
    else if (key === 'uncompressed_length') uncompressedBytes = cursor.uint32();
    else otherField(cursor, key);
  }
  if (type !== 'data' && type !== 'tree') throw cursor.error('a blob in it has no known type');
  if (id === '' || offset < 0) throw cursor.error('a blob in it has no id or no offset');
  const problem = sizeProblem({ lengthBytes, uncompressedBytes });
  if (problem !== undefined) throw cursor.error(problem);
  return { id, type, offset, lengthBytes, uncompressedBytes };
}

function parseId(cursor: JsonCursor): string {
  const id = cursor.string();
  if (!isSha256Hex(id)) throw cursor.error('an id in it is not 64 hex digits');
  return id;
}

function encodeBlob({ id, type, offset, lengthBytes, uncompressedBytes }: PackedBlob): string {
  const size = uncompressedBytes > 0 ? `,"uncompressed_length":${uncompressedBytes}` : '';
  return `{"id":"${id}","type":"${type}","offset":${offset},"length":${lengthBytes}${size}}`;
}
