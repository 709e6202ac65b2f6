import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { OpenedConfig } from '../../credentials/cloud-storages.service.js';
import { RequestError } from '../../errors/request-errors.js';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { ObjectStorage } from '../../storage-providers/storage-provider.js';
import {
  FilesError,
  type FilesErrorCode,
  fileTooLarge,
  resumableUploadTimeout,
  uploadGone,
  uploadOffsetMismatch,
} from '../file-errors.js';
import { mayHaveTakenEffect } from '../file-records.js';
import type { UploadTarget } from '../incoming-file.js';
import type { OpenUploads } from '../open-uploads.js';
import type { PartBuffers } from '../part-buffers.js';
import type { Quotas } from '../quotas.js';
import { RequestBytes } from '../request-bytes.js';
import { largestFileBytes, resumablePartBytes } from '../upload-plan.js';
import { MAX_PLANNED_PARTS } from '../upload-limits.js';
import type { UploadSlots } from '../upload-slots.js';
import { BodyAppend } from './body-append.js';
import type { DigestMemory } from './digest-memory.js';
import { abandonUpload } from '../abandon-upload.js';
import type { TusCompletion } from './tus-completion.js';
import type { TusCreation, TusPatch } from './tus-request.js';
import type { TusRows } from './tus-rows.js';
import type { NewTusUpload, TusUpload } from './tus-upload.js';
import type { LockedUpload, UploadLocks } from './upload-locks.service.js';

export interface TusUploadsOptions {
  /** The user's open bucket; rejects when none is configured. */
  readonly bucketOf: (userId: number) => Promise<OpenedConfig>;
  /** The bucket in which an upload began. */
  readonly bucketOfConfig: (userId: number, configId: number) => Promise<OpenedConfig>;
  /** The user's own limit, in bytes. */
  readonly maxFileSizeOf: (userId: number) => number | Promise<number>;
  readonly quotas: Quotas;
  readonly openUploads: OpenUploads;
  readonly rows: TusRows;
  readonly locks: UploadLocks;
  readonly slots: UploadSlots;
  readonly buffers: PartBuffers;
  readonly digests: DigestMemory;
  readonly completion: TusCompletion;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Uploads that go on after an interruption, by the tus protocol 1.0.0: each request may be served by another process.
 * Everything that headers tell is checked before the first byte of a body is read.
 */
export class TusUploads {
  constructor(private readonly options: TusUploadsOptions) {}

  /** The most that a file of this user may have this way. */
  async limitOf(userId: number): Promise<number> {
    const { storage } = await this.options.bucketOf(userId);
    return Math.min(await this.options.maxFileSizeOf(userId), largestFileBytes(false, storage));
  }

  /**
   * Makes an upload, with the first bytes when the request brings some. When those fail, the upload is there all the
   * same, and the answer tells how far it came.
   */
  async create(request: TusCreation): Promise<TusUpload> {
    const { userId, sizeBytes, contentLength } = request;
    const limitBytes = await this.limitOf(userId);
    if (Math.max(sizeBytes ?? 0, contentLength ?? 0) > limitBytes) throw fileTooLarge(limitBytes);
    if (sizeBytes !== undefined && (contentLength ?? 0) > sizeBytes) throw longerThanAnnounced(sizeBytes);
    await this.options.quotas.assertRoom(userId, sizeBytes);
    await this.options.openUploads.assertRoom(userId);
    const { configId, storage } = await this.options.bucketOf(userId);
    const partBytes = resumablePartBytes(sizeBytes ?? limitBytes, storage);
    const { rows, locks } = this.options;
    const upload = newUpload(request, configId, partBytes);
    // Without a byte to come, the upload waits for its first request, or is whole already.
    if (request.body === undefined && sizeBytes !== 0) return rows.insert(upload, undefined);
    return locks.lockedNew(
      (lockId) => rows.insert(upload, lockId),
      (locked) => this.appendFirst(locked, request),
    );
  }

  /** How far it is. A request that writes it is asked to yield, so that the answer holds. */
  async look(userId: number, id: string, signal: AbortSignal): Promise<TusUpload> {
    const { locks } = this.options;
    const upload = assertNotGone(await locks.idle(userId, id, signal));
    if (upload.state !== 'completing') return upload;
    return locks.locked(userId, id, signal, (locked) => this.finish(locked), assertNotGone);
  }

  /**
   * Adds the body of a request.
   * @throws FilesError `upload_offset_mismatch`, `upload_gone`, `upload_locked`, `file_too_large`, `upload_timeout`, …;
   *   StorageError
   */
  async append(request: TusPatch): Promise<TusUpload> {
    const bytes = new RequestBytes(request.body, request.contentLength);
    try {
      return await this.options.locks.locked(
        request.userId,
        request.id,
        bytes.signal,
        (locked) => this.appendTo(locked, request, bytes),
        (ended) => atItsEnd(ended, request),
      );
    } finally {
      bytes.release();
    }
  }

  /** Gives it up. A file that it has become stays. @throws FilesError `upload_gone` when it has ended */
  async terminate(userId: number, id: string, signal: AbortSignal): Promise<void> {
    const work = async (locked: LockedUpload): Promise<void> => {
      if (locked.upload.state === 'completing') {
        // All bytes are there, and it may be a file already.
        await this.finish(locked);
        throw uploadGone();
      }
      const { storage } = await this.targetOf(locked.upload);
      await this.giveUp(locked, storage);
    };
    await this.options.locks.locked(userId, id, signal, work, () => {
      throw uploadGone();
    });
  }

  /** Of an upload whose time is over, or whose server died on its last steps. One that somebody writes is left alone. */
  async endWhenDue(userId: number, id: string): Promise<void> {
    await this.options.locks.lockedIfFree(userId, id, async (locked) => {
      const { upload } = locked;
      if (upload.state === 'completing') await this.finish(locked);
      else if (upload.expiresAt.getTime() <= this.options.now()) {
        await this.giveUp(locked, (await this.targetOf(upload)).storage);
      }
    });
  }

  /** Takes an upload whose bytes are all there to its end. */
  private async finish({ upload, lock }: LockedUpload): Promise<TusUpload> {
    const target = await this.targetOf(upload);
    const fileId = await this.options.completion.finish({ target, upload, lock });
    return { ...upload, state: 'completed', fileId };
  }

  private async appendFirst(locked: LockedUpload, request: TusCreation): Promise<TusUpload> {
    const { rows } = this.options;
    const { userId, contentLength, bodyDigest } = request;
    const bytes = new RequestBytes(request.body ?? Readable.from([]), contentLength);
    locked.lock.whenAsked((reason) => bytes.interrupt(reason));
    try {
      return await this.takeBody(locked, bytes, contentLength, bodyDigest);
    } catch (error) {
      if (!isWorthGoingOn(error)) throw error;
      return (await rows.find(userId, locked.upload.id))?.upload ?? locked.upload;
    } finally {
      locked.lock.whenAsked(undefined);
      bytes.release();
    }
  }

  private async appendTo(locked: LockedUpload, request: TusPatch, bytes: RequestBytes): Promise<TusUpload> {
    const { lock } = locked;
    if (locked.upload.state === 'completing') return atItsEnd(await this.finish(locked), request);
    const { receivedBytes } = locked.upload.progress;
    if (request.offsetBytes !== receivedBytes) throw uploadOffsetMismatch(receivedBytes);
    lock.whenAsked((reason) => bytes.interrupt(reason));
    try {
      const upload = await this.withSize(locked, request.sizeBytes);
      return await this.takeBody({ upload, lock }, bytes, request.contentLength, request.bodyDigest);
    } finally {
      lock.whenAsked(undefined);
    }
  }

  /** The length may be told once, with any request. */
  private async withSize({ upload, lock }: LockedUpload, sizeBytes: number | undefined): Promise<TusUpload> {
    if (sizeBytes === undefined || sizeBytes === upload.sizeBytes) return upload;
    const { receivedBytes } = upload.progress;
    if (upload.sizeBytes !== undefined || sizeBytes < receivedBytes) {
      throw new RequestError(
        'bad_request',
        'Upload-Length is neither what was told before nor what has arrived.',
      );
    }
    const limitBytes = await this.limitOfUpload(upload);
    if (sizeBytes > limitBytes) throw fileTooLarge(limitBytes);
    await this.options.quotas.assertRoom(upload.userId, sizeBytes);
    lock.assertHeld(await this.options.rows.setSize(upload.id, lock.id, sizeBytes));
    return { ...upload, sizeBytes };
  }

  private async takeBody(
    { upload, lock }: LockedUpload,
    bytes: RequestBytes,
    contentLength: number | undefined,
    bodyDigest: TusPatch['bodyDigest'],
  ): Promise<TusUpload> {
    const { slots, buffers } = this.options;
    const { userId, sizeBytes, progress } = upload;
    const limitBytes = sizeBytes ?? (await this.limitOfUpload(upload));
    const roomBytes = limitBytes - progress.receivedBytes;
    if ((contentLength ?? 0) > roomBytes) throw longerThanAnnounced(limitBytes);
    const target = await this.targetOf(upload);
    const bufferBytes = Math.min(
      upload.partBytes,
      progress.tailBytes + Math.min(roomBytes, contentLength ?? roomBytes),
    );
    await slots.enter(userId, bytes.signal);
    try {
      const buffer = await buffers.borrow(userId, bufferBytes, bytes.signal);
      try {
        return await this.takeInto(buffer, { upload, lock }, { target, bytes, limitBytes, bodyDigest });
      } finally {
        buffers.giveBack(userId, buffer);
      }
    } finally {
      slots.leave(userId);
    }
  }

  private async takeInto(
    buffer: Buffer,
    { upload, lock }: LockedUpload,
    { target, bytes, limitBytes, bodyDigest }: BodyToTake,
  ): Promise<TusUpload> {
    const { rows, digests } = this.options;
    const { id, progress: before } = upload;
    const { storage } = target;
    const sha256 = digests.take(id, before.receivedBytes);
    const append = new BodyAppend({
      rows,
      storage,
      upload,
      lock,
      bytes,
      buffer,
      limitBytes,
      sha256,
      bodyDigest,
    });
    const { whole, failure } = await append
      .run()
      .catch((error: unknown) => this.giveUpWhenWrong({ upload, lock }, storage, error))
      .finally(() => digests.keep(id, append.progress.receivedBytes, append.sha256));
    const { progress } = append;
    if (whole !== undefined) {
      digests.take(id, progress.receivedBytes);
      const { multipart: multipartId } = append;
      return this.finish({
        upload: { ...upload, ...whole, multipartId, progress, state: 'completing' },
        lock,
      });
    }
    if (failure !== undefined) throw hasCode(failure, 'upload_timeout') ? resumableUploadTimeout() : failure;
    return { ...upload, progress };
  }

  /** A whole that is not what was announced never becomes it. */
  private async giveUpWhenWrong(
    locked: LockedUpload,
    storage: ObjectStorage,
    error: unknown,
  ): Promise<never> {
    if (hasCode(error, 'checksum_mismatch')) await this.giveUp(locked, storage);
    throw error;
  }

  private async giveUp({ upload, lock }: LockedUpload, storage: ObjectStorage): Promise<void> {
    await abandonUpload(storage, { ...upload, tailKey: upload.progress.tailKey });
    lock.assertHeld(await this.options.rows.abort(upload.id, lock.id));
  }

  private async limitOfUpload({ userId, configId, partBytes }: TusUpload): Promise<number> {
    const { storage } = await this.options.bucketOfConfig(userId, configId);
    const largestBytes = Math.min(largestFileBytes(false, storage), partBytes * MAX_PLANNED_PARTS);
    return Math.min(await this.options.maxFileSizeOf(userId), largestBytes);
  }

  private async targetOf({ userId, configId }: TusUpload): Promise<UploadTarget> {
    const { provider, storage } = await this.options.bucketOfConfig(userId, configId);
    return { userId, configId, provider, storage };
  }
}

interface BodyToTake {
  readonly target: UploadTarget;
  readonly bytes: RequestBytes;
  readonly limitBytes: number;
  readonly bodyDigest: TusPatch['bodyDigest'];
}

function newUpload(request: TusCreation, configId: number, partBytes: number): NewTusUpload {
  const { userId, file, metadata, sizeBytes } = request;
  const id = randomUUID();
  return {
    ...file,
    id,
    userId,
    configId,
    objectKey: `f/${id}/${randomUUID()}`,
    metadata,
    sizeBytes,
    partBytes,
  };
}

function assertNotGone(upload: TusUpload): TusUpload {
  if (upload.state === 'aborted') throw uploadGone();
  return upload;
}

/** A request that repeats the last one finds the file that it has made. */
function atItsEnd(upload: TusUpload, { offsetBytes }: TusPatch): TusUpload {
  const { receivedBytes } = assertNotGone(upload).progress;
  if (offsetBytes !== receivedBytes) throw uploadOffsetMismatch(receivedBytes);
  return upload;
}

function longerThanAnnounced(limitBytes: number): FilesError {
  return new FilesError(
    'file_too_large',
    `The body goes beyond the ${limitBytes} bytes that the upload may have.`,
  );
}

/** Of a creation whose first bytes failed: the client, or the bucket, may do better with the next request. */
function isWorthGoingOn(error: unknown): boolean {
  if (hasCode(error, 'checksum_mismatch') || hasCode(error, 'file_too_large')) return false;
  return error instanceof FilesError || isStorageError(error) || mayHaveTakenEffect(error);
}

function hasCode(error: unknown, code: FilesErrorCode): boolean {
  return error instanceof FilesError && error.code === code;
}
