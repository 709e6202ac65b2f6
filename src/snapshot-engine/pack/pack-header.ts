import { MAX_BLOB_BYTES } from '../compression/blob-compression.js';
import { SEALED_OVERHEAD_BYTES, type BlobCipher } from '../crypto/blob-cipher.js';
import { damaged } from '../errors/repository-error.js';
import type { BlobType, PackedBlob } from './packed-blob.js';

/*
 * A pack is sealed blobs back to back, a sealed header and the header's length (uint32, little endian). An entry of
 * the header: kind (1 byte: 0 data, 1 tree, 2 compressed data, 3 compressed tree), length of the sealed blob (uint32),
 * length of the plaintext (uint32; kinds 2 and 3 only), SHA-256 of the plaintext (32 bytes).
 */

const RAW_ENTRY_BYTES = 1 + 4 + 32;
const COMPRESSED_ENTRY_BYTES = RAW_ENTRY_BYTES + 4;
const COMPRESSED_BIT = 2;
const TREE_BIT = 1;

/** The number behind the header. */
export const HEADER_LENGTH_BYTES = 4;

/** Other programs stop reading here. */
export const MAX_HEADER_BYTES = 16 * 1_024 * 1_024;

/** Unusual but readable: old writers mixed types; a blob twice wastes space. */
export type PackFinding = 'mixed_types' | 'duplicate_blob';

export interface PackHeader {
  readonly blobs: readonly PackedBlob[];
  readonly findings: readonly PackFinding[];
}

/** Size of a pack's end: sealed header and its length. */
export function headerSizeBytes(blobs: readonly Pick<PackedBlob, 'uncompressedBytes'>[]): number {
  let sizeBytes = SEALED_OVERHEAD_BYTES + HEADER_LENGTH_BYTES;
  for (const { uncompressedBytes } of blobs) sizeBytes += entryBytes(uncompressedBytes);
  return sizeBytes;
}

/** The header's plaintext, for blobs in the order in which they lie. */
export function encodePackHeader(blobs: readonly PackedBlob[]): Buffer {
  const header = Buffer.allocUnsafe(headerSizeBytes(blobs) - SEALED_OVERHEAD_BYTES - HEADER_LENGTH_BYTES);
  let at = 0;
  for (const { id, type, lengthBytes, uncompressedBytes } of blobs) {
    const compressed = uncompressedBytes > 0;
    header[at] = (type === 'tree' ? TREE_BIT : 0) | (compressed ? COMPRESSED_BIT : 0);
    header.writeUInt32LE(lengthBytes, at + 1);
    if (compressed) header.writeUInt32LE(uncompressedBytes, at + 5);
    at += entryBytes(uncompressedBytes);
    header.write(id, at - 32, 'hex');
  }
  return header;
}

/**
 * Length of the sealed header, from the pack's last four bytes. Throws `damaged_repository` when a pack of
 * `packBytes` cannot have it.
 */
export function sealedHeaderBytes(lastBytes: Uint8Array, packBytes: number, subject: string): number {
  if (lastBytes.length !== HEADER_LENGTH_BYTES) throw damaged(subject, 'it is too short for a pack');
  const length = new DataView(lastBytes.buffer, lastBytes.byteOffset).getUint32(0, true);
  if (
    length <= SEALED_OVERHEAD_BYTES ||
    length > MAX_HEADER_BYTES ||
    length + HEADER_LENGTH_BYTES > packBytes
  ) {
    throw damaged(subject, 'the length of its header is impossible');
  }
  return length;
}

/**
 * Opens a header that begins at `headerOffset` of the pack. Throws `damaged_repository` when its seal is broken, an
 * entry is impossible, or the entries do not fill the pack up to the header exactly.
 */
export function openPackHeader(
  cipher: BlobCipher,
  sealedHeader: Uint8Array,
  headerOffset: number,
  subject: string,
): PackHeader {
  const blobs = parseEntries(cipher.open(sealedHeader, subject), subject);
  const last = blobs.at(-1);
  if (last === undefined || last.offset + last.lengthBytes !== headerOffset) {
    throw damaged(subject, 'its header does not describe what lies before it');
  }
  return { blobs, findings: findingsOf(blobs) };
}

/** The header of a pack that is in memory as a whole. */
export function readPackHeader(cipher: BlobCipher, pack: Uint8Array, subject: string): PackHeader {
  const lengthAt = Math.max(0, pack.length - HEADER_LENGTH_BYTES);
  const headerAt = lengthAt - sealedHeaderBytes(pack.subarray(lengthAt), pack.length, subject);
  return openPackHeader(cipher, pack.subarray(headerAt, lengthAt), headerAt, subject);
}

function parseEntries(header: Buffer, subject: string): PackedBlob[] {
  const blobs: PackedBlob[] = [];
  let at = 0;
  let offset = 0;
  while (at < header.length) {
    const kind = header[at]!;
    if (kind > (TREE_BIT | COMPRESSED_BIT))
      throw damaged(subject, 'its header names an unknown kind of blob');
    const compressed = (kind & COMPRESSED_BIT) !== 0;
    const end = at + (compressed ? COMPRESSED_ENTRY_BYTES : RAW_ENTRY_BYTES);
    if (end > header.length) throw damaged(subject, 'its header ends within an entry');
    const blob: PackedBlob = {
      id: header.toString('hex', end - 32, end),
      type: (kind & TREE_BIT) !== 0 ? 'tree' : 'data',
      offset,
      lengthBytes: header.readUInt32LE(at + 1),
      uncompressedBytes: compressed ? header.readUInt32LE(at + 5) : 0,
    };
    const problem = sizeProblem(blob, compressed);
    if (problem !== undefined) throw damaged(subject, problem);
    blobs.push(blob);
    offset += blob.lengthBytes;
    at = end;
  }
  return blobs;
}

/** Why sizes that another program wrote are impossible; also for entries of an index. */
export function sizeProblem(
  { lengthBytes, uncompressedBytes }: Pick<PackedBlob, 'lengthBytes' | 'uncompressedBytes'>,
  compressed = uncompressedBytes > 0,
): string | undefined {
  const contentBytes = lengthBytes - SEALED_OVERHEAD_BYTES;
  if (contentBytes < 0 || contentBytes > MAX_BLOB_BYTES) return 'a blob has an impossible length';
  if (uncompressedBytes > MAX_BLOB_BYTES) return 'a blob is larger than can be read';
  if (compressed && (uncompressedBytes === 0 || contentBytes === 0)) {
    return 'a compressed blob has an impossible length';
  }
  return undefined;
}

function findingsOf(blobs: readonly PackedBlob[]): PackFinding[] {
  const findings: PackFinding[] = [];
  const names = new Set<string>();
  const types = new Set<BlobType>();
  for (const { id, type } of blobs) {
    names.add(type + id);
    types.add(type);
  }
  if (types.size > 1) findings.push('mixed_types');
  if (names.size < blobs.length) findings.push('duplicate_blob');
  return findings;
}

function entryBytes(uncompressedBytes: number): number {
  return uncompressedBytes > 0 ? COMPRESSED_ENTRY_BYTES : RAW_ENTRY_BYTES;
}
