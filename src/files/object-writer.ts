import { isStorageError } from '../storage-providers/storage-errors.js';
import type { ByteBudget } from './byte-budget.js';
import { ExactBody } from './exact-body.js';
import { lengthRequired, otherLength } from './file-errors.js';
import type { WrittenFile } from './written-file.js';
import { type IncomingFile, type Sender, type UploadTarget, writtenFile } from './incoming-file.js';
import type { MeasuredContent } from './measured-content.js';
import type { PartBuffers } from './part-buffers.js';
import { PartWriter, type PendingRecords } from './part-writer.js';
import { mayHaveStored, removeObject } from './remove-object.js';
import { type BufferedParts, planUpload, type SmallBuffer } from './upload-plan.js';

export interface UploadMemory {
  readonly smallBuffers: ByteBudget;
  readonly partBuffers: PartBuffers;
}

/**
 * Writes one file into the bucket under a key that nobody else uses, in as few calls as its length allows and in
 * bounded memory. Before it rejects it removes what it wrote, as far as the bucket lets it.
 */
export class ObjectWriter {
  private readonly parts: PartWriter;

  constructor(
    private readonly memory: UploadMemory,
    records: PendingRecords,
  ) {
    this.parts = new PartWriter(records);
  }

  /** @throws FilesError, StorageError, or what the records throw */
  async write(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    sender: Sender,
  ): Promise<WrittenFile> {
    try {
      return await this.writeAsPlanned(target, file, objectKey, sender);
    } catch (error) {
      // The bucket tells of a cancelled call; the reason is that the client went away.
      if (isStorageError(error, 'aborted')) sender.signal.throwIfAborted();
      throw error;
    }
  }

  private writeAsPlanned(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    sender: Sender,
  ): Promise<WrittenFile> {
    const plan = planUpload(file.sizeBytes, file.limitBytes, target.storage);
    switch (plan.kind) {
      case 'buffer':
        return this.writeBuffer(target, file, objectKey, plan, sender);
      case 'stream':
        return this.writeStream(target, file, objectKey, plan.sizeBytes, sender);
      case 'streamed_parts':
        return this.parts.writeStreamed(target, file, objectKey, plan, sender);
    }
  }

  /** Removes a written object that will not become a file. What cannot be removed now is found later as a leftover. */
  async discard(target: UploadTarget, file: Pick<WrittenFile, 'objectKey' | 'pending'>): Promise<void> {
    const removed = await removeObject(target.storage, file.objectKey);
    if (removed && file.pending) await this.parts.forget(target, file.objectKey);
  }

  private async writeBuffer(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    plan: SmallBuffer,
    sender: Sender,
  ): Promise<WrittenFile> {
    const { smallBuffers } = this.memory;
    const { userId } = target;
    const { bufferBytes } = plan;
    if (!smallBuffers.tryTake(userId, bufferBytes))
      await smallBuffers.take(userId, bufferBytes, sender.signal);
    let holding = true;
    const letGo = () => {
      if (holding) smallBuffers.give(userId, bufferBytes);
      holding = false;
    };
    try {
      const { pieces, complete } = await gather(file.content, bufferBytes);
      if (complete) return await putBuffer(target, file, objectKey, pieces);
      if (plan.then === undefined) throw file.sizeBytes === undefined ? lengthRequired() : otherLength();
      return await this.writeParts(target, file, objectKey, plan.then, pieces, sender, letGo);
    } finally {
      letGo();
    }
  }

  /** @param pieces the begin of the file; `copied` is called when they are no longer needed */
  private async writeParts(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    plan: BufferedParts,
    pieces: readonly Buffer[],
    sender: Sender,
    copied: () => void,
  ): Promise<WrittenFile> {
    const { partBuffers } = this.memory;
    const buffer = await partBuffers.borrow(target.userId, plan.partBytes, sender.signal);
    try {
      let filledBytes = 0;
      for (const piece of pieces) filledBytes += piece.copy(buffer, filledBytes);
      copied();
      return await this.parts.writeBuffered(target, file, objectKey, { buffer, filledBytes }, sender);
    } finally {
      partBuffers.giveBack(target.userId, buffer);
    }
  }

  private async writeStream(
    target: UploadTarget,
    file: IncomingFile,
    objectKey: string,
    sizeBytes: number,
    { signal }: Sender,
  ): Promise<WrittenFile> {
    const { storage } = target;
    const body = new ExactBody(file.content, sizeBytes, true);
    try {
      const { etag } = await storage.put(objectKey, body, {
        sizeBytes,
        contentType: file.contentType,
        signal,
      });
      return writtenFile(target, file, objectKey, etag, false);
    } catch (error) {
      body.destroy();
      // A body that was not sent to its end made no object.
      if (body.delivered) await removeObject(storage, objectKey);
      throw body.failure ?? error;
    }
  }
}

async function putBuffer(
  target: UploadTarget,
  file: IncomingFile,
  objectKey: string,
  pieces: readonly Buffer[],
): Promise<WrittenFile> {
  const { storage } = target;
  const body = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  try {
    const { etag } = await storage.put(objectKey, body, {
      sizeBytes: body.length,
      contentType: file.contentType,
    });
    return writtenFile(target, file, objectKey, etag, false);
  } catch (error) {
    if (mayHaveStored(error)) await removeObject(storage, objectKey);
    throw error;
  }
}

/** Reads until the end, or until there is more than `maxBytes`. */
async function gather(
  content: MeasuredContent,
  maxBytes: number,
): Promise<{ readonly pieces: readonly Buffer[]; readonly complete: boolean }> {
  const pieces: Buffer[] = [];
  for (let bytes = 0; bytes <= maxBytes;) {
    const piece = await content.read(Infinity);
    if (piece === null) return { pieces, complete: true };
    pieces.push(piece);
    bytes += piece.length;
  }
  return { pieces, complete: false };
}
