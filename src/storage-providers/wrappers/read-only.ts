import { StorageError, type StorageOperation } from '../storage-errors.js';
import type { ObjectStorage } from '../storage-provider.js';

/** The same storage for looking only: what writes is refused here, or is not there at all (`multipart`,
 * `copies`). */
export function readOnly(storage: ObjectStorage): ObjectStorage {
  const { signedUrls } = storage;
  return {
    provider: storage.provider,
    capabilities: storage.capabilities,
    maxPutBytes: storage.maxPutBytes,
    put: async () => refuse('put'),
    get: (key, options) => storage.get(key, options),
    head: (key, options) => storage.head(key, options),
    delete: async () => refuse('delete'),
    listPage: (options) => storage.listPage(options),
    urlOf: (key) => storage.urlOf(key),
    close: () => storage.close(),
    ...(signedUrls && {
      signedUrls: {
        signGet: (key, options) => signedUrls.signGet(key, options),
        signPut: async () => refuse('sign'),
      },
    }),
  };
}

function refuse(operation: StorageOperation): never {
  throw new StorageError('access_denied', 'This storage was opened for reading only.', {
    operation,
    hint: 'Nothing to repair: this part of Stowage must not write.',
    retryable: false,
    providerCode: 'READ_ONLY',
  });
}
