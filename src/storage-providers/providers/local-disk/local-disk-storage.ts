import { Readable } from 'node:stream';
import { classify } from '../../classify.js';
import { assertObjectKey } from '../../object-key.js';
import type { StorageOperation } from '../../storage-errors.js';
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ListPage,
  LocalDiskUrls,
  MultipartUploads,
  ObjectBody,
  ObjectContent,
  ObjectCopies,
  ObjectHead,
  ObjectStorage,
  PutOptions,
  SignedUrls,
  StorageCapabilities,
  StoredObject,
} from '../../storage-provider.js';
import { AnswerBody } from '../http/answer-body.js';
import { holdErrors, release } from '../http/exact-body.js';
import { BucketFolder } from './bucket-folder.js';
import { localCopies } from './local-copies.js';
import { diskFailure, onDisk, type DiskCall } from './disk-failure.js';
import { FolderWindows } from './folder-windows.js';
import { listObjects } from './list-objects.js';
import { localMultipart } from './local-multipart.js';
import { sweepTempFiles } from './sweep-temp-files.js';
import { etagOf, infoOf, openObject, type OpenedObject } from './object-files.js';
import { publishObject, removeObject } from './publish-object.js';
import { writeTempFile } from './temp-file.js';

const MAX_PAGE = 1_000;
const TIB = 1024 ** 4;
const READ_BYTES = 256 * 1024;

export interface LocalDiskStorageOptions {
  readonly root: string;
  /** Relative to the root. */
  readonly bucketPath: string;
  readonly bucketName: string;
  readonly tenant: string | undefined;
  readonly urls: LocalDiskUrls | undefined;
  readonly capabilities: StorageCapabilities;
  readonly idleMs: number;
  readonly now: () => number;
}

/**
 * A folder as a bucket. An object is a file that appears whole under its name or not at all, and that survives a power
 * failure once it was acknowledged: bytes are synced before the name is given, the name before the answer.
 */
export class LocalDiskStorage implements ObjectStorage {
  readonly provider = 'local_disk';
  /** The largest file of ext4. */
  readonly maxPutBytes = 16 * TIB - 4_096;
  readonly capabilities: StorageCapabilities;
  readonly multipart: MultipartUploads;
  readonly copies: ObjectCopies;
  readonly signedUrls: SignedUrls | undefined;
  private readonly folder: BucketFolder;
  private readonly windows: FolderWindows;
  private swept: Promise<void> | undefined;

  constructor(private readonly options: LocalDiskStorageOptions) {
    const { root, bucketPath, bucketName, idleMs, now } = options;
    this.capabilities = options.capabilities;
    this.folder = new BucketFolder(root, bucketPath);
    this.windows = new FolderWindows(now);
    this.multipart = localMultipart({ folder: this.folder, bucketName, idleMs, now });
    this.copies = localCopies({ folder: this.folder, bucketName, idleMs, maxCopyBytes: this.maxPutBytes });
    this.signedUrls = options.urls && signedUrls(options.urls, bucketPath, options.tenant);
  }

  async put(key: string, body: ObjectBody, options: PutOptions): Promise<StoredObject> {
    const { sizeBytes, md5, sha256, createOnly = false, signal } = options;
    const call = this.call('put', signal);
    holdErrors(body);
    try {
      return await onDisk(call, async () => {
        assertObjectKey(key, 'put');
        const bucket = await this.folder.make(call);
        await this.sweep(bucket);
        const { idleMs } = this.options;
        const temp = await writeTempFile(call, bucket, { body, sizeBytes, md5, sha256, idleMs });
        await publishObject(call, bucket, { key, temp, createOnly });
        return { etag: etagOf(temp.stats) };
      });
    } catch (error) {
      release(body);
      throw error;
    }
  }

  async get(key: string, { range, inOnePiece, signal }: GetOptions = {}): Promise<ObjectContent> {
    const call = this.call('get', signal);
    return onDisk(call, async () => {
      assertObjectKey(key, 'get');
      const opened = await openObject(call, await this.folder.find(call), key);
      try {
        return {
          ...infoOf(key, opened.stats),
          ...content(call, opened, { range, inOnePiece }),
          contentType: undefined,
        };
      } catch (error) {
        await opened.handle.close();
        throw error;
      }
    });
  }

  async head(key: string, { signal }: CallOptions = {}): Promise<ObjectHead> {
    const call = this.call('head', signal);
    return onDisk(call, async () => {
      assertObjectKey(key, 'head');
      const { handle, stats } = await openObject(call, await this.folder.find(call), key);
      await handle.close();
      return { ...infoOf(key, stats), contentType: undefined };
    });
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    const call = this.call('delete', signal);
    return onDisk(call, async () => {
      assertObjectKey(key, 'delete');
      const bucket = await this.folder.find(call);
      if (bucket !== undefined) await removeObject(bucket, key);
    });
  }

  async listPage({ prefix, cursor, limit = MAX_PAGE, signal }: ListOptions): Promise<ListPage> {
    const call = this.call('list', signal);
    return onDisk(call, async () => {
      const bucket = await this.folder.make(call);
      const size = Math.min(Math.max(1, limit), MAX_PAGE);
      return listObjects(bucket, { prefix, after: cursor, limit: size, signal, windows: this.windows });
    });
  }

  urlOf(key: string): string {
    return `local://${this.options.bucketName}/${key}`;
  }

  async close(): Promise<void> {
    await this.swept;
  }

  /** Once for each opened storage; what cannot be swept now will be another time. */
  private sweep(bucket: string): Promise<void> {
    this.swept ??= sweepTempFiles(bucket, this.options.now()).catch(() => undefined);
    return this.swept;
  }

  private call(operation: StorageOperation, signal: AbortSignal | undefined): DiskCall {
    return { operation, bucket: this.options.bucketName, signal };
  }
}

function content(
  call: DiskCall,
  { handle, stats }: OpenedObject,
  { range, inOnePiece }: Pick<GetOptions, 'range' | 'inOnePiece'>,
): Pick<ObjectContent, 'body' | 'sizeBytes' | 'totalBytes'> {
  const totalBytes = Number(stats.size);
  const start = range?.start ?? 0;
  const end = Math.min(range?.end ?? Infinity, totalBytes - 1);
  if (range !== undefined && !(start >= 0 && start <= end)) throw outOfRange(call);
  const sizeBytes = end - start + 1;
  // An empty stream still closes the file.
  const highWaterMark = inOnePiece === true ? Math.max(sizeBytes, 1) : READ_BYTES;
  const source = handle.createReadStream({ start, end: Math.max(start, end), highWaterMark });
  const body = new AnswerBody(source, {
    sizeBytes,
    operation: call.operation,
    failure: (error) => diskFailure(call, error),
  });
  endWithSignal(body, call);
  return { body, sizeBytes, totalBytes };
}

function endWithSignal(body: Readable, call: DiskCall): void {
  const { signal } = call;
  if (signal === undefined) return;
  const onAbort = () => body.destroy(diskFailure(call, signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  body.once('close', () => signal.removeEventListener('abort', onAbort));
}

function outOfRange({ operation, bucket }: DiskCall): Error {
  return classify({ provider: 'local_disk', operation, bucket, code: 'InvalidRange', httpStatus: 416 });
}

function signedUrls(urls: LocalDiskUrls, bucketPath: string, tenant: string | undefined): SignedUrls {
  return {
    signGet: async (key, options) => {
      assertObjectKey(key, 'sign');
      return urls.sign('GET', bucketPath, key, options, tenant);
    },
    signPut: async (key, options) => {
      assertObjectKey(key, 'sign');
      return urls.sign('PUT', bucketPath, key, options, tenant);
    },
    signPart: async (key, uploadId, options) => {
      assertObjectKey(key, 'sign');
      return urls.sign('PUT', bucketPath, key, { ...options, uploadId }, tenant);
    },
  };
}
