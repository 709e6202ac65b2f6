import { StorageError, type StorageOperation } from '../storage-errors.js';
import type {
  CallOptions,
  ListOptions,
  ListPage,
  MultipartUploads,
  ObjectCopies,
  ObjectHead,
  ObjectStorage,
  PartToCopy,
  SignPartOptions,
  UnfinishedUpload,
} from '../storage-provider.js';

/**
 * A sub-tree of a storage that looks like a storage of its own: keys go in and come out without `prefix`, which
 * must end in a slash so that no sibling begins with it.
 */
export function prefixed(storage: ObjectStorage, prefix: string): ObjectStorage {
  if (!prefix.endsWith('/')) throw new RangeError(`the prefix "${prefix}" does not end in a slash`);
  const inside = (key: string) => prefix + key;
  const { multipart, signedUrls } = storage;
  const signPart = signedUrls?.signPart?.bind(signedUrls);
  return {
    provider: storage.provider,
    capabilities: storage.capabilities,
    maxPutBytes: storage.maxPutBytes,
    put: (key, body, options) => storage.put(inside(key), body, options),
    get: (key, options) => storage.get(inside(key), options),
    head: async (key, options): Promise<ObjectHead> => ({
      ...(await storage.head(inside(key), options)),
      key,
    }),
    delete: (key, options) => storage.delete(inside(key), options),
    listPage: (options) => listInside(storage, prefix, options),
    urlOf: (key) => storage.urlOf(inside(key)),
    close: () => storage.close(),
    ...(multipart && { multipart: multipartInside(multipart, prefix) }),
    ...(storage.copies && { copies: copiesInside(storage.copies, prefix) }),
    ...(signedUrls && {
      signedUrls: {
        signGet: (key, options) => signedUrls.signGet(inside(key), options),
        signPut: (key, options) => signedUrls.signPut(inside(key), options),
        ...(signPart && {
          signPart: (key: string, uploadId: string, options: SignPartOptions) =>
            signPart(inside(key), uploadId, options),
        }),
      },
    }),
  };
}

async function listInside(storage: ObjectStorage, prefix: string, options: ListOptions): Promise<ListPage> {
  const page = await storage.listPage({ ...options, prefix: prefix + options.prefix });
  const objects = page.objects
    // Consoles mark a folder by an empty object that has its name.
    .filter(({ key }) => key !== prefix)
    .map((object) => ({ ...object, key: withoutPrefix(object.key, prefix, 'list') }));
  return { ...page, objects };
}

function multipartInside(multipart: MultipartUploads, prefix: string): MultipartUploads {
  const inside = (key: string) => prefix + key;
  const listUnfinished = multipart.listUnfinished?.bind(multipart);
  return {
    minPartBytes: multipart.minPartBytes,
    maxPartBytes: multipart.maxPartBytes,
    maxParts: multipart.maxParts,
    create: (key, options) => multipart.create(inside(key), options),
    uploadPart: (key, ...rest) => multipart.uploadPart(inside(key), ...rest),
    complete: (key, ...rest) => multipart.complete(inside(key), ...rest),
    abort: (key, ...rest) => multipart.abort(inside(key), ...rest),
    listParts: (key, ...rest) => multipart.listParts(inside(key), ...rest),
    ...(listUnfinished && {
      listUnfinished: async (below: string, options?: { readonly signal?: AbortSignal }) => {
        const uploads = await listUnfinished(inside(below), options);
        return uploads.map((upload): UnfinishedUpload => ({
          ...upload,
          key: withoutPrefix(upload.key, prefix, 'list_multipart'),
        }));
      },
    }),
  };
}

function copiesInside(copies: ObjectCopies, prefix: string): ObjectCopies {
  const copyPart = copies.copyPart?.bind(copies);
  return {
    maxCopyBytes: copies.maxCopyBytes,
    copy: (fromKey, toKey, options) => copies.copy(prefix + fromKey, prefix + toKey, options),
    ...(copyPart && {
      copyPart: (fromKey: string, toKey: string, part: PartToCopy, options?: CallOptions) =>
        copyPart(prefix + fromKey, prefix + toKey, part, options),
    }),
  };
}

/** A key from elsewhere must not be cut into one that looks like ours. */
function withoutPrefix(key: string, prefix: string, operation: StorageOperation): string {
  if (key.startsWith(prefix)) return key.slice(prefix.length);
  throw new StorageError(
    'provider_error',
    'The listing cannot be trusted: a key lies outside of what was asked for.',
    {
      operation,
      hint: 'Nothing was changed on the ground of it. Check that the endpoint is the object store itself.',
      retryable: false,
      providerCode: 'PROVIDER_PROTOCOL_ERROR',
    },
  );
}
