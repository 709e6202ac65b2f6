import type {
  ListOptions,
  MultipartUploads,
  ObjectBody,
  ObjectContent,
  ObjectCopies,
  ObjectStorage,
  ProviderName,
  PutOptions,
  SignedUrls,
  StorageCapabilities,
} from './storage-provider.js';
import type { CallOptions, GetOptions } from './storage-provider.js';

/**
 * An object storage whose connections can be taken away without its users noticing: after `retire` they are closed
 * as soon as no call and no body is under way. Whoever still holds it may go on: a later call opens it again and
 * closes it behind itself.
 */
export class PooledStorage implements ObjectStorage {
  readonly provider: ProviderName;
  readonly capabilities: StorageCapabilities;
  readonly maxPutBytes: number;
  readonly multipart?: MultipartUploads;
  readonly copies?: ObjectCopies;
  readonly signedUrls?: SignedUrls;
  #inner: ObjectStorage | undefined;
  #running = 0;
  #retired = false;

  /** @param open opens the same storage each time */
  constructor(private readonly open: () => ObjectStorage) {
    const inner = open();
    this.#inner = inner;
    this.provider = inner.provider;
    this.capabilities = inner.capabilities;
    this.maxPutBytes = inner.maxPutBytes;
    if (inner.multipart !== undefined) this.multipart = this.pooledMultipart(inner.multipart);
    if (inner.copies !== undefined) this.copies = this.pooledCopies(inner.copies);
    if (inner.signedUrls !== undefined) this.signedUrls = this.pooledSignedUrls(inner.signedUrls);
  }

  /** Closes it once nothing runs on it. */
  retire(): void {
    this.#retired = true;
    this.closeWhenUnused();
  }

  put(key: string, body: ObjectBody, options: PutOptions) {
    return this.use((storage) => storage.put(key, body, options));
  }

  async get(key: string, options?: GetOptions): Promise<ObjectContent> {
    const storage = this.begin();
    try {
      const content = await storage.get(key, options);
      content.body.once('close', () => this.end());
      return content;
    } catch (error) {
      this.end();
      throw error;
    }
  }

  head(key: string, options?: CallOptions) {
    return this.use((storage) => storage.head(key, options));
  }

  delete(key: string, options?: CallOptions) {
    return this.use((storage) => storage.delete(key, options));
  }

  listPage(options: ListOptions) {
    return this.use((storage) => storage.listPage(options));
  }

  urlOf(key: string): string {
    const storage = this.begin();
    try {
      return storage.urlOf(key);
    } finally {
      this.end();
    }
  }

  /** Belongs to the pool, not to whoever was lent the storage. */
  async close(): Promise<void> {
    this.retire();
  }

  private async use<T>(call: (storage: ObjectStorage) => Promise<T>): Promise<T> {
    const storage = this.begin();
    try {
      return await call(storage);
    } finally {
      this.end();
    }
  }

  private begin(): ObjectStorage {
    this.#inner ??= this.open();
    this.#running += 1;
    return this.#inner;
  }

  private end(): void {
    this.#running -= 1;
    this.closeWhenUnused();
  }

  private closeWhenUnused(): void {
    if (!this.#retired || this.#running > 0 || this.#inner === undefined) return;
    const inner = this.#inner;
    this.#inner = undefined;
    // Only idle connections are left; a failure to end them has no one to tell.
    inner.close().catch(() => undefined);
  }

  private pooledMultipart(first: MultipartUploads): MultipartUploads {
    const use = <T>(call: (multipart: MultipartUploads) => Promise<T>) =>
      this.use((storage) => call(storage.multipart!));
    return {
      minPartBytes: first.minPartBytes,
      maxPartBytes: first.maxPartBytes,
      maxParts: first.maxParts,
      create: (...args) => use((multipart) => multipart.create(...args)),
      uploadPart: (...args) => use((multipart) => multipart.uploadPart(...args)),
      complete: (...args) => use((multipart) => multipart.complete(...args)),
      abort: (...args) => use((multipart) => multipart.abort(...args)),
      listParts: (...args) => use((multipart) => multipart.listParts(...args)),
      ...(first.listUnfinished && {
        listUnfinished: (...args: Parameters<NonNullable<MultipartUploads['listUnfinished']>>) =>
          use((multipart) => multipart.listUnfinished!(...args)),
      }),
    };
  }

  private pooledCopies(first: ObjectCopies): ObjectCopies {
    return {
      maxCopyBytes: first.maxCopyBytes,
      copy: (...args) => this.use((storage) => storage.copies!.copy(...args)),
      ...(first.copyPart && {
        copyPart: (...args: Parameters<NonNullable<ObjectCopies['copyPart']>>) =>
          this.use((storage) => storage.copies!.copyPart!(...args)),
      }),
    };
  }

  private pooledSignedUrls(first: SignedUrls): SignedUrls {
    return {
      signGet: (...args) => this.use((storage) => storage.signedUrls!.signGet(...args)),
      signPut: (...args) => this.use((storage) => storage.signedUrls!.signPut(...args)),
      ...(first.signPart && {
        signPart: (...args: Parameters<NonNullable<SignedUrls['signPart']>>) =>
          this.use((storage) => storage.signedUrls!.signPart!(...args)),
      }),
    };
  }
}
