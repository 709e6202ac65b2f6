import { randomUUID } from 'node:crypto';
import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import { fileDamaged, fileTooLarge } from '../files/file-errors.js';
import { MeasuredContent } from '../files/measured-content.js';
import { ObjectWriter, type UploadMemory } from '../files/object-writer.js';
import { isOtherThanItsRow, storedContent } from '../files/stored-content.js';
import { largestFileBytes } from '../files/upload-plan.js';
import type { WrittenFile } from '../files/written-file.js';
import { isStorageError } from '../storage-providers/storage-errors.js';
import type { FileMove } from './file-move.entity.js';
import type { CopiedObject, MoveRows, NeededObject } from './move-rows.js';

export interface CopyRoute {
  readonly move: FileMove;
  readonly rows: MoveRows;
  readonly source: OpenedConfig;
  readonly target: OpenedConfig;
  readonly memory: UploadMemory;
  readonly signal: AbortSignal;
}

/** Which failures another try cannot mend. */
const PERMANENT = new Set(['object_not_found', 'file_damaged', 'file_too_large']);

/**
 * Copies one object: read once, hashed as it passes, looked at when it is there. A copy that is not what the row says is
 * removed and noted as failed.
 * @throws StorageError and whatever may be gone at another try; nothing is left then
 */
export async function copyObject(route: CopyRoute, object: NeededObject): Promise<void> {
  const { move, rows, target } = route;
  const targetKey = targetKeyOf(object.objectKey);
  if (!(await rows.claim(move, object, targetKey))) return;
  try {
    const copy = await write(route, object, targetKey);
    if (await rows.copied(move, targetKey, copy)) return;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'string' && PERMANENT.has(code)) {
      await rows.failed(move, targetKey, code);
      return;
    }
    await rows.giveUp(move, targetKey).catch(() => undefined);
    throw error;
  }
  await target.storage.delete(targetKey);
}

/** New, as all keys; the first part stays, by which repeated uploads are known. */
function targetKeyOf(sourceKey: string): string {
  const [, operation = randomUUID()] = sourceKey.split('/');
  return `f/${operation}/${randomUUID()}`;
}

async function write(route: CopyRoute, object: NeededObject, targetKey: string): Promise<CopiedObject> {
  const { move, rows, source, target, memory, signal } = route;
  const { sizeBytes, contentType, filename } = object;
  const largestBytes = largestFileBytes(true, target.storage);
  if (sizeBytes > largestBytes) throw fileTooLarge(largestBytes);
  const writer = new ObjectWriter(memory, {
    savePending: (_owner, { objectKey }, uploadId) => rows.noteUpload(move, objectKey, uploadId),
    forgetPending: () => Promise.resolve(),
  });
  const { body, totalBytes } = await source.storage.get(object.objectKey, { signal });
  try {
    if (totalBytes !== sizeBytes) throw fileDamaged();
    const content = new MeasuredContent(storedContent(body), sizeBytes, checksOf(object));
    const file = { filename, contentType, sizeBytes, limitBytes: sizeBytes, content };
    const written = await writer.write({ userId: move.userId, ...target }, file, targetKey, { signal });
    await assertSame(target, targetKey, object, written);
    return written;
  } catch (error) {
    throw isOtherThanItsRow(error) ? fileDamaged() : error;
  } finally {
    body.on('error', () => undefined).destroy();
  }
}

function checksOf({ checksum }: NeededObject) {
  return checksum === null ? {} : { checksum };
}

/** What was read is what the row says, and the target has all of it. */
async function assertSame(
  { storage }: OpenedConfig,
  key: string,
  { sizeBytes, crc32 }: NeededObject,
  written: WrittenFile,
): Promise<void> {
  const head = await storage.head(key);
  const isSame = written.sizeBytes === sizeBytes && (crc32 === null || written.crc32 === crc32);
  if (isSame && head.sizeBytes === sizeBytes) return;
  await storage.delete(key);
  throw fileDamaged();
}

/** Removes what a worker that died has left of copies it had begun. */
export async function removeUnfinished(
  rows: MoveRows,
  move: FileMove,
  { storage }: OpenedConfig,
): Promise<void> {
  for (;;) {
    const items = await rows.unfinished(move, 100);
    if (items.length === 0) return;
    for (const { targetKey, uploadId } of items) {
      if (uploadId !== undefined) await abortUpload(storage, targetKey, uploadId);
      await storage.delete(targetKey);
      await rows.giveUp(move, targetKey);
    }
  }
}

async function abortUpload(storage: OpenedConfig['storage'], key: string, uploadId: string): Promise<void> {
  try {
    await storage.multipart?.abort(key, uploadId);
  } catch (error) {
    if (!isStorageError(error, 'object_not_found')) throw error;
  }
}
