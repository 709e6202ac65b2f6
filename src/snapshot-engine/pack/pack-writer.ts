import { hash } from 'node:crypto';
import { compressBlob, decompressBlob, isWorthwhile } from '../compression/blob-compression.js';
import { SEALED_OVERHEAD_BYTES, type BlobCipher } from '../crypto/blob-cipher.js';
import { releaseMemory } from '../workers/release-memory.js';
import { encodePackHeader, HEADER_LENGTH_BYTES, headerSizeBytes } from './pack-header.js';
import type { BlobType, PackedBlob } from './packed-blob.js';

/** A pack is full from here on; restic's default. */
export const TARGET_PACK_BYTES = 16 * 1_024 * 1_024;

/** Blobs of one pack stay in one index file of less than 8 MiB. */
export const MAX_PACK_BLOBS = 40_000;

/** Most packs of a small change stay below this. */
const SMALL_CAPACITY_BYTES = 1_024 * 1_024;
/**
 * More than the target, the last chunk and the header. Above 32 MiB glibc's malloc maps memory of its own: pages that
 * are never written take no memory, and all others go back at once.
 */
const FULL_CAPACITY_BYTES = 33 * 1_024 * 1_024;

export interface FinishedPack {
  /** SHA-256 of `bytes`, hex. */
  readonly id: string;
  /** The whole file, at the start of an ArrayBuffer of its own, which may be transferred and given back. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly blobs: readonly PackedBlob[];
}

/**
 * Fills one pack after another, each with blobs of one type. Every blob is opened again and compared with its plaintext
 * before it counts, because a fault of memory, compressor or cipher would otherwise be found at the restore.
 * Does no input or output; made for worker threads.
 */
export class PackWriter {
  readonly #cipher: BlobCipher;
  readonly #targetBytes: number;
  #spare: ArrayBuffer | undefined;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #sizeBytes = 0;
  #blobs: PackedBlob[] = [];

  constructor(cipher: BlobCipher, targetBytes = TARGET_PACK_BYTES) {
    this.#cipher = cipher;
    this.#targetBytes = targetBytes;
  }

  /** Sealed bytes so far, without the header. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get blobCount(): number {
    return this.#blobs.length;
  }

  /** Whether the pack should be finished before the next blob. */
  get isFull(): boolean {
    return this.#sizeBytes >= this.#targetBytes || this.#blobs.length >= MAX_PACK_BLOBS;
  }

  /**
   * Compresses when it pays, seals, verifies and appends. `id` must be the SHA-256 of `plaintext`, in hex; it is not
   * computed again. `made` is the plaintext's zstd frame where the caller has it already, and is given away. Throws an
   * Error when the machine made something else of the plaintext; the pack is as before.
   */
  add(id: string, type: BlobType, plaintext: Uint8Array, made?: Uint8Array): PackedBlob {
    this.#assertType(type);
    const frame = made === undefined ? compressBlob(plaintext) : worthwhile(made, plaintext);
    const content = frame ?? plaintext;
    const bytes = this.#reserve(content.length + SEALED_OVERHEAD_BYTES);
    const offset = this.#sizeBytes;
    const lengthBytes = this.#cipher.sealInto(content, bytes, offset);
    this.#verify(id, bytes.subarray(offset, offset + lengthBytes), frame !== undefined, plaintext);
    if (frame !== undefined) releaseMemory(frame);
    return this.#append({
      id,
      type,
      offset,
      lengthBytes,
      uncompressedBytes: frame === undefined ? 0 : plaintext.length,
    });
  }

  /**
   * Copies a blob from another pack as it lies there; for repacking. The caller has read it (`readBlob`), because a
   * copy of a damaged blob would outlive its repair.
   */
  addSealed(blob: PackedBlob, sealed: Uint8Array): PackedBlob {
    this.#assertType(blob.type);
    const offset = this.#sizeBytes;
    this.#reserve(sealed.length).set(sealed, offset);
    return this.#append({ ...blob, offset, lengthBytes: sealed.length });
  }

  /** Closes the pack and begins the next. Throws when it is empty: such a pack must not exist. */
  finish(): FinishedPack {
    const blobs = this.#blobs;
    if (blobs.length === 0) throw new Error('A pack without blobs cannot be finished.');
    const target = this.#reserve(headerSizeBytes(blobs));
    const headerBytes = this.#cipher.sealInto(encodePackHeader(blobs), target, this.#sizeBytes);
    const lengthAt = this.#sizeBytes + headerBytes;
    new DataView(target.buffer).setUint32(lengthAt, headerBytes, true);
    const bytes = target.subarray(0, lengthAt + HEADER_LENGTH_BYTES);
    this.#bytes = undefined;
    this.#blobs = [];
    this.#sizeBytes = 0;
    return { id: hash('sha256', bytes), bytes, blobs };
  }

  /** Takes back the buffer of a pack that has been stored: the next pack is written into it. */
  recycle(buffer: ArrayBuffer): void {
    if (buffer.byteLength === FULL_CAPACITY_BYTES) this.#spare = buffer;
  }

  #assertType(type: BlobType): void {
    const packed = this.#blobs[0]?.type ?? type;
    if (packed !== type) throw new TypeError(`A pack of ${packed} blobs takes no ${type} blob.`);
  }

  #append(blob: PackedBlob): PackedBlob {
    this.#sizeBytes += blob.lengthBytes;
    this.#blobs.push(blob);
    return blob;
  }

  /** Memory with room for `moreBytes` behind what is there. */
  #reserve(moreBytes: number): Uint8Array<ArrayBuffer> {
    const neededBytes = this.#sizeBytes + moreBytes;
    if (this.#bytes !== undefined && neededBytes <= this.#bytes.length) return this.#bytes;
    const larger = new Uint8Array(this.#takeSpare(neededBytes) ?? new ArrayBuffer(capacityFor(neededBytes)));
    if (this.#bytes !== undefined) larger.set(this.#bytes.subarray(0, this.#sizeBytes));
    this.#bytes = larger;
    return larger;
  }

  #takeSpare(neededBytes: number): ArrayBuffer | undefined {
    const spare = this.#spare;
    if (spare === undefined || spare.byteLength < neededBytes) return undefined;
    this.#spare = undefined;
    return spare;
  }

  #verify(id: string, sealed: Uint8Array, compressed: boolean, plaintext: Uint8Array): void {
    const opened = this.#cipher.open(sealed, `Blob ${id}`);
    const content = compressed ? decompressBlob(opened, plaintext.length, `Blob ${id}`) : opened;
    if (content.compare(plaintext) !== 0) {
      throw new Error(`Blob ${id} was not what had been sealed; the memory of this machine may be faulty.`);
    }
    releaseMemory(opened);
    releaseMemory(content);
  }
}

function worthwhile(frame: Uint8Array, plaintext: Uint8Array): Uint8Array | undefined {
  return isWorthwhile(frame, plaintext.length) ? frame : undefined;
}

function capacityFor(neededBytes: number): number {
  if (neededBytes <= SMALL_CAPACITY_BYTES) return SMALL_CAPACITY_BYTES;
  return neededBytes <= FULL_CAPACITY_BYTES ? FULL_CAPACITY_BYTES : 2 * neededBytes;
}
