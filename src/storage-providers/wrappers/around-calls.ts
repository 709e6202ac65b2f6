import type { StorageOperation } from '../storage-errors.js';
import type {
  ListOptions,
  CallOptions,
  MultipartUploads,
  ObjectBody,
  ObjectCopies,
  ObjectStorage,
  PartToCopy,
  PutOptions,
  SignedUrls,
  UploadedPart,
} from '../storage-provider.js';

/** One call as a wrapper sees it. */
export interface StorageCall {
  readonly operation: StorageOperation;
  /** The key, or the prefix of a listing. */
  readonly key: string;
  readonly body?: ObjectBody;
  readonly sizeBytes?: number;
  readonly signal?: AbortSignal;
  /** For `put`. */
  readonly putOptions?: PutOptions;
  /** For `complete_multipart`. */
  readonly parts?: readonly UploadedPart[];
}

/** Carries out one call by `run`, possibly later, again, or not at all; `run` may be given another body. */
export type Around = <T>(call: StorageCall, run: (body?: ObjectBody) => Promise<T>) => Promise<T>;

/** The same storage with `around` at every call that reaches the provider. Signing does not: it is local. */
export function aroundCalls(storage: ObjectStorage, around: Around): ObjectStorage {
  return {
    provider: storage.provider,
    capabilities: storage.capabilities,
    maxPutBytes: storage.maxPutBytes,
    put: (key, body, options) =>
      around({ operation: 'put', key, body, ...bodyOptions(options), putOptions: options }, (other) =>
        storage.put(key, other ?? body, options),
      ),
    get: (key, options) =>
      around({ operation: 'get', key, signal: options?.signal }, () => storage.get(key, options)),
    head: (key, options) =>
      around({ operation: 'head', key, signal: options?.signal }, () => storage.head(key, options)),
    delete: (key, options) =>
      around({ operation: 'delete', key, signal: options?.signal }, () => storage.delete(key, options)),
    listPage: (options) => around(listCall(options), () => storage.listPage(options)),
    urlOf: (key) => storage.urlOf(key),
    close: () => storage.close(),
    ...(storage.multipart && { multipart: aroundMultipart(storage.multipart, around) }),
    ...(storage.copies && { copies: aroundCopies(storage.copies, around) }),
    ...(storage.signedUrls && { signedUrls: sameSignedUrls(storage.signedUrls) }),
  };
}

function aroundMultipart(multipart: MultipartUploads, around: Around): MultipartUploads {
  const listUnfinished = multipart.listUnfinished?.bind(multipart);
  return {
    minPartBytes: multipart.minPartBytes,
    maxPartBytes: multipart.maxPartBytes,
    maxParts: multipart.maxParts,
    create: (key, options) =>
      around({ operation: 'create_multipart', key, signal: options.signal }, () =>
        multipart.create(key, options),
      ),
    uploadPart: (key, uploadId, partNumber, body, options) =>
      around({ operation: 'upload_part', key, body, ...bodyOptions(options) }, (other) =>
        multipart.uploadPart(key, uploadId, partNumber, other ?? body, options),
      ),
    complete: (key, uploadId, parts, options) =>
      around({ operation: 'complete_multipart', key, parts, signal: options.signal }, () =>
        multipart.complete(key, uploadId, parts, options),
      ),
    abort: (key, uploadId, options) =>
      around({ operation: 'abort_multipart', key, signal: options?.signal }, () =>
        multipart.abort(key, uploadId, options),
      ),
    listParts: (key, uploadId, options) =>
      around({ operation: 'list_parts', key, signal: options?.signal }, () =>
        multipart.listParts(key, uploadId, options),
      ),
    ...(listUnfinished && {
      listUnfinished: (prefix: string, options?: { readonly signal?: AbortSignal }) =>
        around({ operation: 'list_multipart', key: prefix, signal: options?.signal }, () =>
          listUnfinished(prefix, options),
        ),
    }),
  };
}

function aroundCopies(copies: ObjectCopies, around: Around): ObjectCopies {
  const copyPart = copies.copyPart?.bind(copies);
  return {
    maxCopyBytes: copies.maxCopyBytes,
    copy: (fromKey, toKey, options) =>
      around({ operation: 'copy', key: toKey, signal: options.signal }, () =>
        copies.copy(fromKey, toKey, options),
      ),
    ...(copyPart && {
      copyPart: (fromKey: string, toKey: string, part: PartToCopy, options?: CallOptions) =>
        around({ operation: 'copy_part', key: toKey, signal: options?.signal }, () =>
          copyPart(fromKey, toKey, part, options),
        ),
    }),
  };
}

function sameSignedUrls(signedUrls: SignedUrls): SignedUrls {
  const signPart = signedUrls.signPart?.bind(signedUrls);
  return {
    signGet: (key, options) => signedUrls.signGet(key, options),
    signPut: (key, options) => signedUrls.signPut(key, options),
    ...(signPart && { signPart }),
  };
}

function listCall({ prefix, signal }: ListOptions): StorageCall {
  return { operation: 'list', key: prefix, signal };
}

function bodyOptions({ sizeBytes, signal }: Pick<PutOptions, 'sizeBytes' | 'signal'>) {
  return { sizeBytes, signal };
}
