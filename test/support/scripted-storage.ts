import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { StorageError } from '../../src/storage-providers/storage-errors.js';
import type {
  ListOptions,
  ListPage,
  MultipartUploads,
  ObjectBody,
  ObjectContent,
  ObjectCopies,
  ObjectHead,
  ObjectStorage,
  PutOptions,
  SignedUrls,
  StoredObject,
} from '../../src/storage-providers/storage-provider.js';

interface Kept {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** A storage in memory for tests of what wraps a storage: it counts calls, waits and fails as it is told to. */
export class ScriptedStorage implements ObjectStorage {
  readonly provider = 's3_compatible';
  readonly capabilities = { createOnly: true, contentBound: 'md5' } as const;
  readonly maxPutBytes = 1_000_000;
  /** `method key` of every call that came through. */
  readonly calls: string[] = [];
  mostAtOnce = 0;
  multipart?: MultipartUploads = {
    minPartBytes: 1,
    maxPartBytes: 1_000,
    maxParts: 10,
    create: (key) => this.call('create', key, async () => ({ uploadId: 'u' })),
    uploadPart: (key, _uploadId, partNumber, _body, { sizeBytes }) =>
      this.call('uploadPart', key, async () => ({ partNumber, etag: 'e', sizeBytes })),
    complete: (key) => this.call('complete', key, async () => ({ etag: 'e' })),
    abort: (key) => this.call('abort', key, async () => undefined),
    listParts: (key) => this.call('listParts', key, async () => [{ partNumber: 1, etag: 'e', sizeBytes: 1 }]),
    listUnfinished: (prefix) =>
      this.call('listUnfinished', prefix, async () => [
        { key: `${prefix}1`, uploadId: 'u', startedAt: new Date(0) },
      ]),
  };
  copies?: ObjectCopies = {
    maxCopyBytes: 1_000,
    copy: (fromKey, toKey) =>
      this.call('copy', `${fromKey} ${toKey}`, async () => {
        const source = this.find(fromKey);
        this.kept.set(toKey, source);
        return { etag: source.etag, proof: 'digest' };
      }),
    copyPart: (fromKey, toKey, { partNumber, range }) =>
      this.call('copyPart', `${fromKey} ${toKey}`, async () => ({
        partNumber,
        etag: 'e',
        sizeBytes: range.end - range.start + 1,
      })),
  };
  signedUrls?: SignedUrls = {
    signGet: async (key) => ({ method: 'GET', url: `test://${key}`, headers: {}, expiresAt: new Date(0) }),
    signPut: async (key) => ({ method: 'PUT', url: `test://${key}`, headers: {}, expiresAt: new Date(0) }),
    signPart: async (key, uploadId, { partNumber }) => ({
      method: 'PUT',
      url: `test://${key}?${uploadId}&${partNumber}`,
      headers: {},
      expiresAt: new Date(0),
    }),
  };
  private readonly kept = new Map<string, Kept>();
  private readonly failures = new Map<string, StorageError[]>();
  private lost: { readonly method: string; readonly error: StorageError } | undefined;
  private held: Promise<void> | undefined;
  private running = 0;

  store(key: string, text: string, etag = hash('md5', text, 'hex')): this {
    this.kept.set(key, { bytes: Buffer.from(text), etag });
    return this;
  }

  /** The next calls of this method fail with these errors; replaces what was set before. */
  failNext(method: string, ...errors: StorageError[]): this {
    this.failures.set(method, errors);
    return this;
  }

  /** The next call of this method takes effect and fails all the same. */
  loseAnswerOf(method: string, error: StorageError): this {
    this.lost = { method, error };
    return this;
  }

  /** Calls wait until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.held = promise;
    return resolve;
  }

  without(...members: readonly ('multipart' | 'copies' | 'signedUrls' | 'listUnfinished')[]): this {
    for (const member of members) {
      if (member === 'listUnfinished') delete this.multipart?.listUnfinished;
      else delete this[member];
    }
    return this;
  }

  put(key: string, body: ObjectBody, options: PutOptions): Promise<StoredObject> {
    return this.call('put', key, async () => {
      if (options.createOnly && this.kept.has(key)) throw refusal('conflict', 412, 'PreconditionFailed');
      const bytes = body instanceof Readable ? await buffer(body) : Buffer.from(body);
      const etag = hash('md5', bytes, 'hex');
      this.kept.set(key, { bytes, etag });
      return { etag };
    });
  }

  get(key: string): Promise<ObjectContent> {
    return this.call('get', key, async () => {
      const { bytes, etag } = this.find(key);
      const sizeBytes = bytes.length;
      const body = Readable.from([bytes]);
      return {
        body,
        sizeBytes,
        totalBytes: sizeBytes,
        etag,
        contentType: undefined,
        lastModified: new Date(0),
      };
    });
  }

  head(key: string): Promise<ObjectHead> {
    return this.call('head', key, async () => {
      const { bytes, etag } = this.find(key);
      return { key, sizeBytes: bytes.length, etag, contentType: undefined, lastModified: new Date(0) };
    });
  }

  delete(key: string): Promise<void> {
    return this.call('delete', key, async () => void this.kept.delete(key));
  }

  listPage({ prefix }: ListOptions): Promise<ListPage> {
    return this.call('listPage', prefix, async () => ({
      objects: [...this.kept]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([key, { bytes, etag }]) => ({ key, sizeBytes: bytes.length, etag, lastModified: new Date(0) })),
    }));
  }

  urlOf(key: string): string {
    return `test://${key}`;
  }

  async close(): Promise<void> {
    this.calls.push('close');
  }

  private async call<T>(method: string, key: string, run: () => Promise<T>): Promise<T> {
    this.calls.push(`${method} ${key}`);
    this.running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    try {
      await this.held;
      const failure = this.failures.get(method)?.shift();
      if (failure) throw failure;
      const result = await run();
      this.loseAnswer(method);
      return result;
    } finally {
      this.running -= 1;
    }
  }

  private loseAnswer(method: string): void {
    if (this.lost?.method !== method) return;
    const { error } = this.lost;
    this.lost = undefined;
    throw error;
  }

  private find(key: string): Kept {
    const kept = this.kept.get(key);
    if (!kept) throw refusal('object_not_found', 404, 'NoSuchKey');
    return kept;
  }
}

function refusal(
  code: 'conflict' | 'object_not_found',
  httpStatus: number,
  providerCode: string,
): StorageError {
  return new StorageError(code, code, {
    operation: 'put',
    hint: '',
    retryable: false,
    httpStatus,
    providerCode,
  });
}
