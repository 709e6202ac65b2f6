import { SEALED_OVERHEAD_BYTES } from '../crypto/blob-cipher.js';
import type { BlobLocation } from './restore-source.js';

/** Neighbouring blobs of one pack that are fetched with one request. */
export interface FetchRange {
  readonly packId: string;
  readonly offset: number;
  readonly lengthBytes: number;
  /** Memory that it takes until it is dealt with: sealed, and opened. */
  readonly costBytes: number;
  /** By offset, each once. */
  readonly blobs: readonly BlobLocation[];
}

/** A range ends before this, unless one blob alone is longer. */
export const MAX_RANGE_BYTES = 4 * 1_024 * 1_024;
/** Small: a thread writes all of a range while the others have to find work, too. */
const MAX_RANGE_BLOBS = 500;
/** Highly compressed neighbours do not share a range: together they would be more than memory should hold. */
const MAX_RANGE_CONTENT_BYTES = 16 * 1_024 * 1_024;
/** Bytes that nobody wants are fetched when that saves a request: as much as comes in while one is answered. */
const MAX_GAP_BYTES = 256 * 1_024;

/**
 * The requests for these blobs, every blob once, however often it is used: pack by pack in the order of their first use,
 * so that files are finished roughly in the order in which they were asked for. With `fronts`, the list is cut into so
 * many parts that take turns, because threads that write to one file wait for each other.
 */
export function planFetches(blobs: Iterable<BlobLocation>, fronts = 1): FetchRange[] {
  const packs = new Map<string, BlobLocation[]>();
  for (const blob of blobs) {
    const pack = packs.get(blob.packId);
    if (pack === undefined) packs.set(blob.packId, [blob]);
    else pack.push(blob);
  }
  const ranges = Array.from(packs, ([packId, wanted]) => rangesOf(packId, wanted)).flat();
  const partLength = Math.ceil(ranges.length / fronts);
  return Array.from({ length: partLength * fronts }, (_, turn) => {
    const [place, front] = [Math.floor(turn / fronts), turn % fronts];
    return ranges[front * partLength + place];
  }).filter((range) => range !== undefined);
}

function rangesOf(packId: string, wanted: BlobLocation[]): FetchRange[] {
  wanted.sort((a, b) => a.offset - b.offset || a.lengthBytes - b.lengthBytes);
  const ranges: FetchRange[] = [];
  let draft: RangeDraft | undefined;
  for (const blob of wanted) {
    if (draft !== undefined && !draft.takes(blob)) {
      ranges.push(draft.finish(packId));
      draft = undefined;
    }
    draft ??= new RangeDraft(blob.offset);
    draft.add(blob);
  }
  if (draft !== undefined) ranges.push(draft.finish(packId));
  return ranges;
}

class RangeDraft {
  readonly #offset: number;
  readonly #blobs: BlobLocation[] = [];
  #end: number;
  #contentBytes = 0;

  constructor(offset: number) {
    this.#offset = offset;
    this.#end = offset;
  }

  takes(blob: BlobLocation): boolean {
    return (
      this.#blobs.length < MAX_RANGE_BLOBS &&
      blob.offset - this.#end <= MAX_GAP_BYTES &&
      blob.offset + blob.lengthBytes - this.#offset <= MAX_RANGE_BYTES &&
      this.#contentBytes + contentBytesOf(blob) <= MAX_RANGE_CONTENT_BYTES
    );
  }

  add(blob: BlobLocation): void {
    this.#blobs.push(blob);
    this.#contentBytes += contentBytesOf(blob);
    this.#end = Math.max(this.#end, blob.offset + blob.lengthBytes);
  }

  finish(packId: string): FetchRange {
    const lengthBytes = this.#end - this.#offset;
    const costBytes = lengthBytes + this.#contentBytes;
    return { packId, offset: this.#offset, lengthBytes, costBytes, blobs: this.#blobs };
  }
}

/** Length of a blob's plaintext. */
export function contentBytesOf({ lengthBytes, uncompressedBytes }: BlobLocation): number {
  return uncompressedBytes > 0 ? uncompressedBytes : Math.max(0, lengthBytes - SEALED_OVERHEAD_BYTES);
}

/** Each blob on its own: one that lies beyond its pack spoils the request for its neighbours. */
export function separateRanges({ packId, blobs }: FetchRange): FetchRange[] {
  return blobs.flatMap((blob) => rangesOf(packId, [blob]));
}
