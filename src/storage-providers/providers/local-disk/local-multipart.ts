import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { assertObjectKey } from '../../object-key.js';
import { StorageError } from '../../storage-errors.js';
import type {
  CallOptions,
  MultipartUploads,
  ObjectBody,
  StoredObject,
  UnfinishedUpload,
  UploadedPart,
} from '../../storage-provider.js';
import { holdErrors, release } from '../http/exact-body.js';
import { makeFolders, syncFolder, type BucketFolder } from './bucket-folder.js';
import { hasErrno, noSuchUpload, onDisk, type DiskCall } from './disk-failure.js';
import { TEMP_FOLDER, UPLOADS_FOLDER } from './key-places.js';
import { etagOf, statObjectFile } from './object-files.js';
import { publishObject } from './publish-object.js';
import { discard, writeTempFile } from './temp-file.js';

const MIB = 1024 ** 2;
const PART_READ_BYTES = MIB;

export interface LocalMultipartOptions {
  readonly folder: BucketFolder;
  readonly bucketName: string;
  readonly idleMs: number;
  readonly now: () => number;
}

/**
 * An upload is a folder of part files with a note of its key. `complete` copies the parts into one new file and
 * publishes that, so an upload that was interrupted at any point can be completed again.
 */
export function localMultipart(options: LocalMultipartOptions): MultipartUploads {
  const uploads = new LocalUploads(options);
  return {
    minPartBytes: 1,
    maxPartBytes: 5 * 1024 * MIB,
    maxParts: 10_000,
    create: (key, { signal }) => uploads.create(key, signal),
    uploadPart: (key, uploadId, partNumber, body, part) =>
      uploads.uploadPart({ key, uploadId, partNumber, body, ...part }).finally(() => release(body)),
    complete: (key, uploadId, parts, how) => uploads.complete({ key, uploadId, parts, ...how }),
    abort: (key, uploadId, { signal } = {}) => uploads.abort(key, uploadId, signal),
    listParts: (key, uploadId, { signal } = {}) => uploads.listParts(key, uploadId, signal),
    listUnfinished: (prefix, { signal } = {}) => uploads.list(prefix, signal),
  };
}

interface PartToWrite extends CallOptions {
  readonly key: string;
  readonly uploadId: string;
  readonly partNumber: number;
  readonly body: ObjectBody;
  readonly sizeBytes: number;
  readonly md5?: Uint8Array;
}

interface UploadToComplete extends CallOptions {
  readonly key: string;
  readonly uploadId: string;
  readonly parts: readonly UploadedPart[];
  readonly createOnly?: boolean;
}

class LocalUploads {
  constructor(private readonly options: LocalMultipartOptions) {}

  create(key: string, signal?: AbortSignal): Promise<{ uploadId: string }> {
    const call = this.call('create_multipart', signal);
    return onDisk(call, async () => {
      assertObjectKey(key, call.operation);
      const bucket = await this.options.folder.make(call);
      const uploadId = randomBytes(16).toString('hex');
      const folder = join(bucket, UPLOADS_FOLDER, uploadId);
      await makeFolders(bucket, dirname(folder));
      const note: UploadNote = { key, startedAtMs: this.options.now() };
      const body = Buffer.from(JSON.stringify(note));
      const { path } = await writeTempFile(call, bucket, { body, sizeBytes: body.byteLength, idleMs: 0 });
      // Made aside and then named: a crash in between leaves no upload that cannot say what it is for.
      const staging = join(bucket, TEMP_FOLDER, uploadId);
      await mkdir(staging, { mode: 0o700 });
      await rename(path, join(staging, NOTE));
      await syncFolder(staging);
      await rename(staging, folder);
      await syncFolder(dirname(folder));
      return { uploadId };
    });
  }

  uploadPart({
    key,
    uploadId,
    partNumber,
    body,
    sizeBytes,
    md5,
    signal,
  }: PartToWrite): Promise<UploadedPart> {
    const call = this.call('upload_part', signal);
    holdErrors(body);
    return onDisk(call, async () => {
      const { bucket, folder } = await this.find(call, key, uploadId);
      const path = join(folder, partName(call, partNumber));
      const { idleMs } = this.options;
      const temp = await writeTempFile(call, bucket, { body, sizeBytes, md5, idleMs });
      try {
        await rename(temp.path, path);
        await syncFolder(folder);
      } catch (error) {
        await discard(temp.path);
        throw hasErrno(error, 'ENOENT') ? noSuchUpload(call) : error;
      }
      return { partNumber, etag: etagOf(temp.stats), sizeBytes };
    });
  }

  complete({ key, uploadId, parts, createOnly = false, signal }: UploadToComplete): Promise<StoredObject> {
    const call = this.call('complete_multipart', signal);
    return onDisk(call, async () => {
      const { bucket, folder } = await this.find(call, key, uploadId);
      const ordered = [...parts].sort((a, b) => a.partNumber - b.partNumber);
      const paths = await checkedParts(call, folder, ordered);
      const sizeBytes = ordered.reduce((sum, part) => sum + part.sizeBytes, 0);
      const body = Readable.from(concatenated(paths), { objectMode: false, highWaterMark: PART_READ_BYTES });
      const temp = await writeTempFile(call, bucket, { body, sizeBytes, idleMs: this.options.idleMs });
      await publishObject(call, bucket, { key, temp, createOnly });
      // Only waste from here on: the object is stored, whatever happens to its parts.
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
      return { etag: etagOf(temp.stats) };
    });
  }

  abort(key: string, uploadId: string, signal?: AbortSignal): Promise<void> {
    const call = this.call('abort_multipart', signal);
    return onDisk(call, async () => {
      assertObjectKey(key, call.operation);
      const bucket = await this.options.folder.find(call);
      const note = bucket && UPLOAD_ID.test(uploadId) ? await readNote(bucket, uploadId) : undefined;
      if (bucket === undefined || note?.key !== key) return;
      await rm(join(bucket, UPLOADS_FOLDER, uploadId), { recursive: true, force: true });
    });
  }

  listParts(key: string, uploadId: string, signal?: AbortSignal): Promise<readonly UploadedPart[]> {
    const call = this.call('list_parts', signal);
    return onDisk(call, async () => {
      const { folder } = await this.find(call, key, uploadId);
      const numbers = await partNumbers(call, folder);
      const parts = numbers.map(async (partNumber) => {
        const stats = await statObjectFile(join(folder, partName(call, partNumber)));
        // It ends with its upload only.
        if (stats === undefined) throw noSuchUpload(call);
        return { partNumber, etag: etagOf(stats), sizeBytes: Number(stats.size) };
      });
      return Promise.all(parts);
    });
  }

  list(prefix: string, signal?: AbortSignal): Promise<readonly UnfinishedUpload[]> {
    const call = this.call('list_multipart', signal);
    return onDisk(call, async () => {
      const bucket = await this.options.folder.find(call);
      const found: UnfinishedUpload[] = [];
      for (const uploadId of bucket === undefined ? [] : await uploadIds(bucket)) {
        signal?.throwIfAborted();
        const note = await readNote(bucket!, uploadId);
        if (note?.key.startsWith(prefix)) {
          found.push({ key: note.key, uploadId, startedAt: new Date(note.startedAtMs) });
        }
      }
      return found;
    });
  }

  private async find(
    call: DiskCall,
    key: string,
    uploadId: string,
  ): Promise<{ bucket: string; folder: string }> {
    assertObjectKey(key, call.operation);
    const bucket = await this.options.folder.find(call);
    const note = bucket && UPLOAD_ID.test(uploadId) ? await readNote(bucket, uploadId) : undefined;
    if (bucket === undefined || note?.key !== key) throw noSuchUpload(call);
    return { bucket, folder: join(bucket, UPLOADS_FOLDER, uploadId) };
  }

  private call(operation: DiskCall['operation'], signal?: AbortSignal): DiskCall {
    return { operation, bucket: this.options.bucketName, signal };
  }
}

interface UploadNote {
  readonly key: string;
  readonly startedAtMs: number;
}

const NOTE = 'upload.json';
const UPLOAD_ID = /^[0-9a-f]{32}$/;

async function readNote(bucket: string, uploadId: string): Promise<UploadNote | undefined> {
  try {
    const text = await readFile(join(bucket, UPLOADS_FOLDER, uploadId, NOTE), 'utf8');
    return JSON.parse(text) as UploadNote;
  } catch (error) {
    // Without its note a folder is what a crash left of `create` or `abort`.
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function uploadIds(bucket: string): Promise<string[]> {
  try {
    return (await readdir(join(bucket, UPLOADS_FOLDER))).filter((name) => UPLOAD_ID.test(name)).sort();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

function partName(call: DiskCall, partNumber: number): string {
  if (Number.isInteger(partNumber) && partNumber >= 1 && partNumber <= 10_000) return `part-${partNumber}`;
  throw badParts(call, `There is no part ${partNumber}: parts are numbered from 1 to 10,000.`);
}

async function partNumbers(call: DiskCall, folder: string): Promise<number[]> {
  try {
    const names = await readdir(folder);
    return names.flatMap((name) => Number(/^part-(\d{1,5})$/.exec(name)?.[1]) || []).sort((a, b) => a - b);
  } catch (error) {
    throw hasErrno(error, 'ENOENT') ? noSuchUpload(call) : error;
  }
}

/** Paths of the parts, all of which must be the ones that were uploaded. */
async function checkedParts(
  call: DiskCall,
  folder: string,
  parts: readonly UploadedPart[],
): Promise<string[]> {
  const paths: string[] = [];
  for (const { partNumber, etag, sizeBytes } of parts) {
    const path = join(folder, partName(call, partNumber));
    const stats = await statObjectFile(path);
    if (
      stats === undefined ||
      etagOf(stats) !== etag ||
      stats.size !== BigInt(sizeBytes) ||
      paths.includes(path)
    ) {
      throw badParts(call, `Part ${partNumber} is not the one that was uploaded.`);
    }
    paths.push(path);
  }
  return paths;
}

async function* concatenated(paths: readonly string[]): AsyncGenerator<Buffer> {
  for (const path of paths) {
    yield* createReadStream(path, { highWaterMark: PART_READ_BYTES }) as AsyncIterable<Buffer>;
  }
}

function badParts({ operation }: DiskCall, message: string): StorageError {
  return new StorageError('integrity', message, {
    operation,
    hint: 'Start the upload again.',
    retryable: false,
    providerCode: 'InvalidPart',
  });
}
