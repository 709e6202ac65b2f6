import { addAbortSignal, Readable } from 'node:stream';
import type { BlobIndex } from '../blob-index/blob-index.js';
import { damaged, RepositoryError } from '../errors/repository-error.js';
import type { FileCallOptions } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import type { BrowsedRepository } from './browsed-repository.js';

/** Bytes `start` up to, not including, `end` of a file. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface FileStreamOptions extends FileCallOptions {
  /** The whole file unless told. What lies beyond its end is left out. */
  readonly range?: ByteRange;
}

/** What is fetched or waits to be read: a few blobs, or one that is larger. */
const READ_AHEAD_BLOBS = 4;
const READ_AHEAD_BYTES = 16 * 1_024 * 1_024;

/**
 * Lengths of those blobs of a file whose copies the index knows with different ones: the copy that can be read decides.
 * Mostly there are none. Rejects with `damaged_repository` and StorageErrors.
 */
export async function readDisputedLengths(
  { repository, index }: BrowsedRepository,
  { content = [] }: Node,
  options: FileCallOptions,
): Promise<Map<string, number>> {
  const lengths = new Map<string, number>();
  const disputed = index.disputedData();
  if (disputed.size === 0) return lengths;
  for (const id of content) {
    if (!disputed.has(id) || lengths.has(id)) continue;
    lengths.set(id, (await repository.loadBlob('data', id, index, options)).length);
  }
  return lengths;
}

/**
 * The content of a file, or a range of it, in order; only blobs that hold a part of the range are fetched, each proven
 * to be what its id says. Failing and being destroyed end what is under way. Throws `path_not_found` for what is no
 * file, and `damaged_repository` at once when it needs blobs that no pack has, or is not as long as they are.
 */
export function fileStream(
  browsed: BrowsedRepository,
  { type, content, sizeBytes }: Node,
  subject: string,
  { range, signal }: FileStreamOptions = {},
  disputed: ReadonlyMap<string, number> = new Map(),
): Readable {
  if (type !== 'file') throw new RepositoryError('path_not_found', `${subject} is no file.`, subject);
  if (content === undefined) throw damaged(subject, 'nothing says what it holds');
  const lengths: BlobLengths = { index: browsed.index, disputed };
  if (lengthOf(lengths, content, subject) !== sizeBytes)
    throw damaged(subject, 'it is not as long as it says');
  const stream = new FileStream(browsed, partsOf(lengths, content, range));
  return signal === undefined ? stream : addAbortSignal(signal, stream);
}

interface BlobLengths {
  readonly index: BlobIndex;
  readonly disputed: ReadonlyMap<string, number>;
}

/** A part of a blob that belongs to the range. */
interface BlobPart {
  readonly id: string;
  readonly blobBytes: number;
  readonly start: number;
  readonly end: number;
}

class FileStream extends Readable {
  readonly #browsed: BrowsedRepository;
  readonly #parts: Iterator<BlobPart, void>;
  readonly #stop = new AbortController();
  /** Under way or waiting to be read, in order. */
  readonly #ahead: { readonly blobBytes: number; readonly bytes: Promise<Buffer> }[] = [];
  #aheadBytes = 0;

  constructor(browsed: BrowsedRepository, parts: Iterator<BlobPart, void>) {
    super();
    this.#browsed = browsed;
    this.#parts = parts;
  }

  override _read(): void {
    this.#readNext().catch((error: Error) => this.destroy(error));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stop.abort();
    done(error);
  }

  async #readNext(): Promise<void> {
    this.#fetchAhead();
    const next = this.#ahead[0];
    if (next === undefined) {
      this.push(null);
      return;
    }
    const bytes = await next.bytes;
    this.#ahead.shift();
    this.#aheadBytes -= next.blobBytes;
    this.push(bytes);
  }

  #fetchAhead(): void {
    const { repository, index } = this.#browsed;
    const { signal } = this.#stop;
    while (this.#ahead.length < READ_AHEAD_BLOBS && this.#aheadBytes < READ_AHEAD_BYTES) {
      const part = this.#parts.next().value;
      if (!part) return;
      const { id, blobBytes, start, end } = part;
      const bytes = repository
        .loadBlob('data', id, index, { signal })
        .then((blob) => blob.subarray(start, end));
      // Its failure is heard when its turn comes, which may be never.
      bytes.catch(() => undefined);
      this.#ahead.push({ blobBytes, bytes });
      this.#aheadBytes += blobBytes;
    }
  }
}

function* partsOf(
  lengths: BlobLengths,
  content: readonly string[],
  { start, end = Infinity }: ByteRange = { start: 0 },
): Generator<BlobPart, void> {
  let offset = 0;
  for (const id of content) {
    if (offset >= end) return;
    const blobBytes = blobLength(lengths, id) ?? 0;
    const part = {
      id,
      blobBytes,
      start: Math.max(0, start - offset),
      end: Math.min(blobBytes, end - offset),
    };
    if (part.start < part.end) yield part;
    offset += blobBytes;
  }
}

function lengthOf(lengths: BlobLengths, content: readonly string[], subject: string): number {
  let sum = 0;
  for (const id of content) {
    const length = blobLength(lengths, id);
    if (length === undefined) throw damaged(subject, `blob ${id}, a part of it, is in no pack`);
    sum += length;
  }
  return sum;
}

function blobLength({ index, disputed }: BlobLengths, id: string): number | undefined {
  const known = disputed.get(id);
  if (known !== undefined) return known;
  const row = index.rowOf('data', id);
  return row === -1 ? undefined : index.plaintextBytesOf(row);
}
