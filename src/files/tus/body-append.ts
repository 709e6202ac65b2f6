import { type Hash, randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ObjectStorage, UploadedPart } from '../../storage-providers/storage-provider.js';
import { checksumMismatch, fileTooLarge, tooManyParts, uploadChecksumMismatch } from '../file-errors.js';
import type { ByteSource } from '../request-bytes.js';
import { removeObject } from '../remove-object.js';
import type { BodyDigest } from './tus-checksum.js';
import type { TusRows } from './tus-rows.js';
import type { TusProgress, TusUpload, WholeContent } from './tus-upload.js';
import type { UploadLock } from './upload-lock.js';

export interface BodyAppendOptions {
  readonly rows: TusRows;
  readonly storage: ObjectStorage;
  readonly upload: TusUpload;
  readonly lock: UploadLock;
  readonly bytes: ByteSource;
  /** Holds one part; with fewer bytes when no more can come. */
  readonly buffer: Buffer;
  /** The most that the whole may have. */
  readonly limitBytes: number;
  /** Of all bytes received so far, when this process has seen them. */
  readonly sha256: Hash | undefined;
  /** What the request says of its body: then all of it counts or nothing. */
  readonly bodyDigest: BodyDigest | undefined;
}

export interface Appended {
  /** Where the whole content is, when these were its last bytes. */
  readonly whole: WholeContent | undefined;
  /** Why the body ended before its end; what came before is kept. */
  readonly failure: Error | undefined;
}

/**
 * Adds the body of one request to an upload. Bytes are gathered in one buffer; full, it is sent as a part, and the row
 * goes on by as much. What is left at the end, or when the client goes away, becomes an object of its own, the tail,
 * with which the next request begins. So the offset in the row never counts a byte that is not in the bucket, and no
 * byte that was received is lost.
 */
export class BodyAppend {
  private committed: TusProgress;
  private committedSha256: Hash | undefined;
  private receivedBytes: number;
  private crc: number;
  private filledBytes = 0;
  /** Sent, but not yet in the row. */
  private staged: UploadedPart[] = [];
  private multipartId: string | undefined;

  constructor(private readonly options: BodyAppendOptions) {
    const { upload } = options;
    this.committed = upload.progress;
    this.committedSha256 = options.sha256?.copy();
    this.receivedBytes = upload.progress.receivedBytes;
    this.crc = upload.progress.crc32;
    this.multipartId = upload.multipartId;
  }

  /**
   * @throws FilesError `upload_checksum_mismatch`, and any failure of the client when the request has a checksum: then
   *   nothing of it counts; `checksum_mismatch` when the whole is not what was announced; `file_too_large`;
   *   `upload_locked` when the lock was lost; StorageError, or what the rows throw
   */
  async run(): Promise<Appended> {
    await this.loadTail();
    const failure = await this.takeBody();
    const { bodyDigest } = this.options;
    if (bodyDigest !== undefined) {
      if (failure !== undefined) throw failure;
      if (!bodyDigest.fits()) throw uploadChecksumMismatch();
    }
    if (this.isWhole) return { whole: await this.storeWhole(), failure: undefined };
    await this.storeTail();
    return { whole: undefined, failure };
  }

  /** What is acknowledged, also after a failure. */
  get progress(): TusProgress {
    return this.committed;
  }

  /** The provider's multipart upload, once it was begun. */
  get multipart(): string | undefined {
    return this.multipartId;
  }

  /** Of what is acknowledged. */
  get sha256(): Hash | undefined {
    return this.committedSha256;
  }

  private get isWhole(): boolean {
    return this.receivedBytes === this.options.upload.sizeBytes;
  }

  /** The begin of the next part. */
  private async loadTail(): Promise<void> {
    const { storage, buffer, lock } = this.options;
    const { tailKey, tailBytes } = this.committed;
    if (tailKey === undefined) return;
    const { body } = await storage.get(tailKey, { signal: lock.signal });
    for await (const piece of body as AsyncIterable<Buffer>) {
      this.filledBytes += piece.copy(buffer, this.filledBytes);
    }
    if (this.filledBytes !== tailBytes)
      throw new Error(`The tail ${tailKey} has another length than its row says.`);
  }

  /** Until its end, or until the client failed; answers how. */
  private async takeBody(): Promise<Error | undefined> {
    for (;;) {
      let piece: Buffer | null;
      try {
        piece = await this.options.bytes.next();
      } catch (error) {
        return error as Error;
      }
      if (piece === null) return undefined;
      await this.take(piece);
    }
  }

  private async take(piece: Buffer): Promise<void> {
    const { limitBytes, sha256, bodyDigest, buffer } = this.options;
    if (this.receivedBytes + piece.length > limitBytes) throw fileTooLarge(limitBytes);
    sha256?.update(piece);
    bodyDigest?.update(piece);
    for (let rest = piece; rest.length > 0;) {
      const taken = rest.subarray(0, rest.copy(buffer, this.filledBytes));
      this.crc = crc32(taken, this.crc);
      this.filledBytes += taken.length;
      this.receivedBytes += taken.length;
      rest = rest.subarray(taken.length);
      if (this.filledBytes === this.options.upload.partBytes && !this.isWhole) await this.storePart();
    }
  }

  private async storePart(): Promise<void> {
    await this.sendPart();
    if (this.options.bodyDigest === undefined) await this.commit(undefined, undefined);
  }

  /** What does not fill a part. Its key is new each time: the earlier tail holds until the row has moved on. */
  private async storeTail(): Promise<void> {
    if (this.receivedBytes === this.committed.receivedBytes) return;
    if (this.filledBytes === 0) return this.commit(undefined, undefined);
    const tailKey = this.newKey();
    await this.put(tailKey, undefined);
    await this.commit(tailKey, undefined);
  }

  /** One call for what fits into one part, otherwise the last part. */
  private async storeWhole(): Promise<WholeContent> {
    const { upload, sha256 } = this.options;
    const computedChecksum = sha256?.copy().digest('hex');
    if (computedChecksum !== undefined && (upload.checksum ?? computedChecksum) !== computedChecksum) {
      throw checksumMismatch();
    }
    const { receivedBytes, tailBytes } = this.committed;
    const inOnePiece = receivedBytes === tailBytes && this.staged.length === 0;
    const whole = { objectKey: inOnePiece ? this.newKey() : upload.objectKey, computedChecksum };
    if (inOnePiece) await this.put(whole.objectKey, upload.contentType);
    else if (this.filledBytes > 0) await this.sendPart();
    await this.commit(undefined, whole);
    return whole;
  }

  private async sendPart(): Promise<void> {
    const { storage, upload, lock } = this.options;
    const { multipart } = storage;
    if (multipart === undefined) throw fileTooLarge(storage.maxPutBytes);
    const partNumber = lock.takePartNumber();
    if (partNumber > multipart.maxParts) throw tooManyParts();
    const multipartId = (this.multipartId ??= await this.begin());
    lock.signal.throwIfAborted();
    const part = await multipart.uploadPart(upload.objectKey, multipartId, partNumber, this.content, {
      sizeBytes: this.filledBytes,
      signal: lock.signal,
    });
    this.staged.push(part);
    this.filledBytes = 0;
  }

  /** The row knows of it before its first part is sent. */
  private async begin(): Promise<string> {
    const { rows, storage, upload, lock } = this.options;
    const { contentType, objectKey } = upload;
    const { uploadId } = await storage.multipart!.create(objectKey, { contentType, signal: lock.signal });
    lock.assertHeld(await rows.setMultipartId(upload.id, lock.id, uploadId));
    return uploadId;
  }

  /** A failed attempt leaves nothing under its key. */
  private async put(key: string, contentType: string | undefined): Promise<void> {
    const { storage, lock } = this.options;
    lock.signal.throwIfAborted();
    const options = { sizeBytes: this.filledBytes, contentType, signal: lock.signal };
    try {
      await storage.put(key, this.content, options);
    } catch (error) {
      await this.drop(key);
      throw error;
    }
  }

  /** Acknowledges all that was received, in one statement; after that the earlier tail is of no use. */
  private async commit(tailKey: string | undefined, whole: WholeContent | undefined): Promise<void> {
    const { rows, upload, lock } = this.options;
    const progress: TusProgress = {
      receivedBytes: this.receivedBytes,
      crc32: this.crc,
      tailKey,
      tailBytes: tailKey === undefined ? 0 : this.filledBytes,
      nextPart: lock.nextPart,
    };
    lock.assertHeld(await rows.move(upload.id, lock.id, progress, this.staged, whole));
    const earlierTail = this.committed.tailKey;
    this.committed = progress;
    this.committedSha256 = this.options.sha256?.copy();
    this.staged = [];
    if (earlierTail !== undefined) await this.drop(earlierTail);
  }

  /** What cannot be deleted now is found by whoever sweeps the bucket: no row needs it. */
  private async drop(key: string): Promise<void> {
    await removeObject(this.options.storage, key);
  }

  private get content(): Buffer {
    return this.options.buffer.subarray(0, this.filledBytes);
  }

  private newKey(): string {
    return `f/${this.options.upload.id}/${randomUUID()}`;
  }
}
