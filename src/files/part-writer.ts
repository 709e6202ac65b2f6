import { isStorageError } from '../storage-providers/storage-errors.js';
import type {
  MultipartUploads,
  ObjectHead,
  ObjectStorage,
  StoredObject,
  UploadedPart,
} from '../storage-providers/storage-provider.js';
import { ExactBody } from './exact-body.js';
import { fileTooLarge } from './file-errors.js';
import type { FileRecords } from './file-records.js';
import type { FileOwner, WrittenFile } from './written-file.js';
import { type IncomingFile, type Sender, type UploadTarget, writtenFile } from './incoming-file.js';
import { CLEAN_UP_MS } from './upload-limits.js';
import type { StreamedParts } from './upload-plan.js';

/** Who remembers uploads that take many calls. */
export type PendingRecords = Pick<FileRecords, 'savePending' | 'forgetPending'>;

/** One multipart upload at the provider. */
interface PartUpload {
  readonly target: UploadTarget;
  readonly multipart: MultipartUploads;
  readonly objectKey: string;
  readonly uploadId: string;
}

/** What is told of the file while its parts are made. */
interface PartedFile extends Pick<IncomingFile, 'filename' | 'contentType'> {
  /** Of all parts, once they are there. */
  readonly sentBytes: () => number;
}

/** Buffer of one part, and how much of it holds the begin of the file already. */
interface BegunPart {
  readonly buffer: Buffer;
  readonly filledBytes: number;
}

/**
 * Writes one file in many calls. Its row is written, as pending and with the provider's upload id, before the first
 * part is sent, so that a crash leaves nothing that cannot be found.
 */
export class PartWriter {
  constructor(private readonly records: PendingRecords) {}

  writeStreamed(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    plan: StreamedParts,
    sender: Sender,
  ): Promise<WrittenFile> {
    return this.writeContent(target, file, objectKey, sender, (upload) =>
      sendStreamed(upload, file, plan, sender),
    );
  }

  /** @param begun all parts are gathered in its buffer, one after the other; its length is that of a part */
  writeBuffered(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    begun: BegunPart,
    sender: Sender,
  ): Promise<WrittenFile> {
    return this.writeContent(target, file, objectKey, sender, (upload) =>
      sendBuffered(upload, file, begun, sender),
    );
  }

  /** @param makeParts makes parts of `sizeBytes` together without a content that passes here */
  writeOthers(
    target: UploadTarget,
    file: Pick<IncomingFile, 'filename' | 'contentType'> & { readonly sizeBytes: number },
    objectKey: string,
    sender: Sender,
    makeParts: (uploadId: string) => Promise<UploadedPart[]>,
  ): Promise<StoredObject> {
    const whole = { ...file, sentBytes: () => file.sizeBytes };
    return this.write(target, whole, objectKey, sender, ({ uploadId }) => makeParts(uploadId));
  }

  /** Forgets the pending row of an object that is gone. */
  async forget(owner: FileOwner, objectKey: string): Promise<void> {
    try {
      await this.records.forgetPending(owner, objectKey);
    } catch {
      // The row stays pending, which is what marks it as a leftover.
    }
  }

  private async writeContent(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    sender: Sender,
    sendParts: (upload: PartUpload) => Promise<UploadedPart[]>,
  ): Promise<WrittenFile> {
    const { filename, contentType, content } = file;
    const whole = { filename, contentType, sentBytes: () => content.sizeBytes };
    const { etag } = await this.write(target, whole, objectKey, sender, sendParts);
    return writtenFile(target, file, objectKey, etag, true);
  }

  private async write(
    target: UploadTarget,
    file: PartedFile,
    objectKey: string,
    { signal }: Sender,
    sendParts: (upload: PartUpload) => Promise<UploadedPart[]>,
  ): Promise<StoredObject> {
    const { storage } = target;
    const { multipart } = storage;
    if (multipart === undefined) throw fileTooLarge(storage.maxPutBytes);
    const { contentType, filename } = file;
    const { uploadId } = await multipart.create(objectKey, { contentType, signal });
    const upload: PartUpload = { target, multipart, objectKey, uploadId };
    try {
      const cloudUrl = storage.urlOf(objectKey);
      await this.records.savePending(target, { objectKey, filename, contentType, cloudUrl }, uploadId);
      const parts = await sendParts(upload);
      return await completeOrConfirm(upload, parts, file);
    } catch (error) {
      await this.abandon(upload);
      throw error;
    }
  }

  /** Only this attempt's own upload, key and row. */
  private async abandon({ target, multipart, objectKey, uploadId }: PartUpload): Promise<void> {
    const { storage } = target;
    try {
      await multipart.abort(objectKey, uploadId, { signal: AbortSignal.timeout(CLEAN_UP_MS) });
      await storage.delete(objectKey, { signal: AbortSignal.timeout(CLEAN_UP_MS) });
    } catch {
      // The pending row stays and leads whoever sweeps to the upload id.
      return;
    }
    await this.forget(target, objectKey);
  }
}

async function sendStreamed(
  { multipart, objectKey, uploadId }: PartUpload,
  file: IncomingFile,
  plan: StreamedParts,
  { signal }: Sender,
): Promise<UploadedPart[]> {
  const parts: UploadedPart[] = [];
  for (let leftBytes = plan.sizeBytes; leftBytes > 0;) {
    const sizeBytes = Math.min(plan.partBytes, leftBytes);
    leftBytes -= sizeBytes;
    const body = new ExactBody(file.content, sizeBytes, leftBytes === 0);
    const partNumber = parts.length + 1;
    try {
      parts.push(await multipart.uploadPart(objectKey, uploadId, partNumber, body, { sizeBytes, signal }));
    } catch (error) {
      body.destroy();
      throw body.failure ?? error;
    }
  }
  return parts;
}

async function sendBuffered(
  { multipart, objectKey, uploadId }: PartUpload,
  file: IncomingFile,
  { buffer, filledBytes }: BegunPart,
  { signal }: Sender,
): Promise<UploadedPart[]> {
  const parts: UploadedPart[] = [];
  let part = await fill(file, buffer, filledBytes);
  while (part.sizeBytes > 0) {
    const { sizeBytes } = part;
    const body = buffer.subarray(0, sizeBytes);
    const partNumber = parts.length + 1;
    parts.push(await multipart.uploadPart(objectKey, uploadId, partNumber, body, { sizeBytes, signal }));
    part = part.ended ? { sizeBytes: 0, ended: true } : await fill(file, buffer, 0);
  }
  return parts;
}

/** Fills the buffer up, or as far as the file goes. */
async function fill(
  file: IncomingFile,
  buffer: Buffer,
  filledBytes: number,
): Promise<{ readonly sizeBytes: number; readonly ended: boolean }> {
  let sizeBytes = filledBytes;
  while (sizeBytes < buffer.length) {
    const piece = await file.content.read(buffer.length - sizeBytes);
    if (piece === null) return { sizeBytes, ended: true };
    sizeBytes += piece.copy(buffer, sizeBytes);
  }
  return { sizeBytes, ended: false };
}

/** A lost answer leaves open whether the object is there; the key is this attempt's own, so a look tells. */
async function completeOrConfirm(
  { target, multipart, objectKey, uploadId }: PartUpload,
  parts: readonly UploadedPart[],
  file: PartedFile,
): Promise<StoredObject> {
  try {
    return await multipart.complete(objectKey, uploadId, parts, { contentType: file.contentType });
  } catch (error) {
    if (!isStorageError(error)) throw error;
    const head = await headOf(target.storage, objectKey);
    if (head?.sizeBytes === file.sentBytes()) return { etag: head.etag };
    throw error;
  }
}

async function headOf(storage: ObjectStorage, objectKey: string): Promise<ObjectHead | undefined> {
  try {
    return await storage.head(objectKey, { signal: AbortSignal.timeout(CLEAN_UP_MS) });
  } catch {
    return undefined;
  }
}
