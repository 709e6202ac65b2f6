import { Readable } from 'node:stream';
import { StorageError } from '../../../src/storage-providers/storage-errors.js';
import type {
  ListPage,
  MultipartUploads,
  ObjectInfo,
  ObjectStorage,
} from '../../../src/storage-providers/storage-provider.js';

interface Kept {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

export interface BucketFate {
  readonly now: () => number;
  /** Before a call takes effect: others may go first, or the call fails. */
  readonly before: (call: string) => Promise<void>;
  /** After it took effect: others may go first, or its answer is lost. */
  readonly after: (call: string) => Promise<void>;
  /** Hears of every object that goes, by whomever. */
  readonly onDelete: (key: string) => void;
}

const PAGE = 7;

/** A bucket in memory that lists truthfully, page by page, while it is written to. */
export class MemoryBucket {
  readonly objects = new Map<string, Kept>();
  readonly uploads = new Map<string, { readonly key: string; readonly startedAtMs: number }>();
  private count = 0;

  constructor(private readonly fate: BucketFate) {}

  get storage(): ObjectStorage {
    return {
      provider: 's3_compatible',
      capabilities: { createOnly: true, contentBound: 'none' },
      maxPutBytes: 1_000,
      put: (key, body, { createOnly }) =>
        this.call('put', () => {
          if (createOnly && this.objects.has(key)) throw failure('conflict');
          return { etag: this.keep(key, body as Buffer) };
        }),
      get: (key) =>
        this.call('get', () => {
          const { bytes, etag, lastModifiedMs } = this.find(key);
          const sizeBytes = bytes.length;
          const lastModified = new Date(lastModifiedMs);
          const body = Readable.from([bytes]);
          return { body, sizeBytes, totalBytes: sizeBytes, etag, contentType: undefined, lastModified };
        }),
      head: (key) => this.call('head', () => ({ ...infoOf(key, this.find(key)), contentType: undefined })),
      delete: (key) =>
        this.call('delete', () => {
          if (this.objects.delete(key)) this.fate.onDelete(key);
        }),
      listPage: ({ prefix, cursor }) => this.call('list', () => this.page(prefix, cursor)),
      urlOf: (key) => `memory://${key}`,
      multipart: this.multipart(),
      close: () => Promise.resolve(),
    };
  }

  keep(key: string, bytes: Buffer): string {
    this.count += 1;
    const etag = `e${this.count}`;
    this.objects.set(key, { bytes, etag, lastModifiedMs: this.fate.now() });
    return etag;
  }

  private multipart(): MultipartUploads {
    return {
      minPartBytes: 1,
      maxPartBytes: 1_000,
      maxParts: 10,
      create: (key) =>
        this.call('create', () => {
          this.count += 1;
          this.uploads.set(`u${this.count}`, { key, startedAtMs: this.fate.now() });
          return { uploadId: `u${this.count}` };
        }),
      uploadPart: (_key, uploadId, partNumber, _body, { sizeBytes }) =>
        this.call('part', () => {
          if (!this.uploads.has(uploadId)) throw failure('object_not_found');
          return { partNumber, etag: 'p', sizeBytes };
        }),
      complete: (key, uploadId) =>
        this.call('complete', () => {
          if (!this.uploads.delete(uploadId)) throw failure('object_not_found');
          return { etag: this.keep(key, Buffer.from('x')) };
        }),
      abort: (_key, uploadId) => this.call('abort', () => void this.uploads.delete(uploadId)),
      listParts: () => this.call('parts', () => []),
      listUnfinished: (prefix) =>
        this.call('list', () =>
          [...this.uploads]
            .filter(([, { key }]) => key.startsWith(prefix))
            .map(([uploadId, { key, startedAtMs }]) => ({ uploadId, key, startedAt: new Date(startedAtMs) })),
        ),
    };
  }

  private page(prefix: string, cursor: string | undefined): ListPage {
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix) && (cursor === undefined || key > cursor))
      .sort();
    const shown = keys.slice(0, PAGE);
    return {
      objects: shown.map((key) => infoOf(key, this.objects.get(key)!)),
      ...(keys.length > PAGE && { nextCursor: shown.at(-1) }),
    };
  }

  private async call<T>(name: string, effect: () => T): Promise<T> {
    await this.fate.before(name);
    const result = effect();
    await this.fate.after(name);
    return result;
  }

  private find(key: string): Kept {
    const kept = this.objects.get(key);
    if (kept === undefined) throw failure('object_not_found');
    return kept;
  }
}

export function failure(code: 'conflict' | 'object_not_found' | 'endpoint_unreachable'): StorageError {
  return new StorageError(code, code, { operation: 'get', hint: '', retryable: false });
}

function infoOf(key: string, { bytes, etag, lastModifiedMs }: Kept): ObjectInfo {
  return { key, sizeBytes: bytes.length, etag, lastModified: new Date(lastModifiedMs) };
}
