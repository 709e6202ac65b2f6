import { crc32 } from 'node:zlib';
import type { Readable } from 'node:stream';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { GetOptions, ObjectContent } from '../../storage-providers/storage-provider.js';
import { fileDamaged } from '../file-errors.js';
import { centralRecord, dataDescriptor, endRecords, localHeader, type ZipItem } from './zip-format.js';
import type { ZipLayout } from './zip-layout.js';

export interface ZipSource<Item extends ZipItem> {
  /** A file's content, or the end of it from a byte on. */
  open(item: Item, options: Pick<GetOptions, 'range'>): Promise<ObjectContent>;
  /** Hears of each file that was passed on whole. */
  onFile(item: Item): void;
}

/** The next file is asked for when so much of the present one is left: small files need not wait for each other. */
const OPEN_NEXT_BYTES = 64 * 1024;
/** A content that breaks off goes on where it broke so many times. */
const READ_TRIES = 3;

/**
 * The bytes of an archive. Every file is checked for its length and its CRC-32 while it passes; one that is gone or wrong
 * ends the bytes with an error before the archive's end. Two files are open at a time at most.
 * @param first the content of the first file, which this closes once it was asked for a byte
 * @throws FilesError `file_damaged`, StorageError
 */
export async function* writeZip<Item extends ZipItem>(
  { items, offsets, directory }: ZipLayout<Item>,
  first: ObjectContent,
  source: ZipSource<Item>,
): AsyncGenerator<Buffer, void, undefined> {
  const crcs: number[] = [];
  let upcoming: Promise<ObjectContent> | undefined = held(Promise.resolve(first));
  try {
    for (const [at, item] of items.entries()) {
      const content: ObjectContent = await upcoming!;
      const next = items[at + 1];
      upcoming = undefined;
      const file = new PassingFile(item, content, source, () => {
        upcoming = next && opening(source, next);
      });
      yield localHeader(item);
      yield* file.pieces();
      crcs.push(file.crc);
      if (item.crc32 === undefined) yield dataDescriptor(item, file.crc);
      source.onFile(item);
    }
  } finally {
    void upcoming?.then(
      ({ body }) => close(body),
      () => undefined,
    );
  }
  for (const [at, item] of items.entries()) yield centralRecord(item, crcs[at]!, offsets[at]!);
  yield endRecords(directory);
}

/** One file on its way. */
class PassingFile<Item extends ZipItem> {
  crc = 0;
  private passedBytes = 0;
  private isNextOpened = false;

  constructor(
    private readonly item: Item,
    private readonly first: ObjectContent,
    private readonly source: ZipSource<Item>,
    private readonly openNext: () => void,
  ) {}

  async *pieces(): AsyncGenerator<Buffer, void, undefined> {
    for (let tries = 1, content = this.first; ; tries += 1) {
      try {
        yield* this.piecesOf(content);
        return this.assertWhole();
      } catch (error) {
        if (tries === READ_TRIES || !isStorageError(error) || !error.retryable) throw error;
      } finally {
        close(content.body);
      }
      content = await this.rest();
    }
  }

  private async *piecesOf(content: ObjectContent): AsyncGenerator<Buffer, void, undefined> {
    this.assertSame(content);
    this.openNextInTime();
    for await (const piece of content.body as AsyncIterable<Buffer>) {
      this.take(piece);
      yield piece;
    }
  }

  private take(piece: Buffer): void {
    this.passedBytes += piece.length;
    this.crc = crc32(piece, this.crc);
    if (this.passedBytes >= this.item.sizeBytes) this.assertWhole();
    this.openNextInTime();
  }

  private openNextInTime(): void {
    if (this.isNextOpened || this.item.sizeBytes - this.passedBytes > OPEN_NEXT_BYTES) return;
    this.isNextOpened = true;
    this.openNext();
  }

  private rest(): Promise<ObjectContent> {
    const { sizeBytes } = this.item;
    if (this.passedBytes === 0) return held(this.source.open(this.item, {}));
    const range = { start: this.passedBytes, end: sizeBytes - 1 };
    return held(this.source.open(this.item, { range }));
  }

  /** The object may have been replaced in the bucket, before or while it was read. */
  private assertSame({ totalBytes, etag }: ObjectContent): void {
    if (totalBytes !== this.item.sizeBytes || etag !== this.first.etag) throw fileDamaged();
  }

  private assertWhole(): void {
    const { sizeBytes, crc32: expected } = this.item;
    const isRight = expected === undefined || this.crc === expected;
    if (this.passedBytes !== sizeBytes || !isRight) throw fileDamaged();
  }
}

/** A failure is heard of when it is this file's turn. */
function opening<Item extends ZipItem>(source: ZipSource<Item>, item: Item): Promise<ObjectContent> {
  const content = held(source.open(item, {}));
  content.catch(() => undefined);
  return content;
}

/** A content that fails while nobody reads it yet shows its error to who does. */
async function held(opening: Promise<ObjectContent>): Promise<ObjectContent> {
  const content = await opening;
  content.body.on('error', () => undefined);
  return content;
}

function close(body: Readable): void {
  body.on('error', () => undefined).destroy();
}
