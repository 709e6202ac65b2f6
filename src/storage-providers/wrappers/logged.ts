import { hash } from 'node:crypto';
import { isStorageError, type StorageErrorCode, type StorageOperation } from '../storage-errors.js';
import type { ObjectContent, ObjectStorage, ProviderName } from '../storage-provider.js';
import { aroundCalls, type StorageCall } from './around-calls.js';

/** One call to a provider. Names no key and no bucket: file names are their owner's business. */
export interface StorageLogEntry {
  readonly provider: ProviderName;
  readonly operation: StorageOperation;
  readonly keyBytes: number;
  /** First 16 hex digits of the key's SHA-256, to find the same object again. */
  readonly keyHash: string;
  /** Of what was sent. */
  readonly sizeBytes?: number;
  /** For `get`: of what the provider began to send; a reader may leave before its end. */
  readonly receivedBytes?: number;
  /** For `get`: until the headers. */
  readonly latencyMs: number;
  readonly outcome: 'ok' | StorageErrorCode;
  readonly providerCode?: string;
  readonly httpStatus?: number;
  readonly requestId?: string;
}

/** Tells `log` about every call once it is over, whether it succeeded or not. */
export function logged(storage: ObjectStorage, log: (entry: StorageLogEntry) => void): ObjectStorage {
  return aroundCalls(storage, async (call, run) => {
    const startedMs = performance.now();
    const tell = (outcome: Outcome) =>
      log({ ...about(call, storage.provider), latencyMs: performance.now() - startedMs, ...outcome });
    try {
      const result = await run();
      const { receivedBytes } = call.operation === 'get' ? contentOf(result) : NOTHING_RECEIVED;
      tell({ outcome: 'ok', ...(receivedBytes !== undefined && { receivedBytes }) });
      return result;
    } catch (error) {
      tell(outcomeOf(error));
      throw error;
    }
  });
}

type Outcome = Pick<
  StorageLogEntry,
  'outcome' | 'receivedBytes' | 'providerCode' | 'httpStatus' | 'requestId'
>;

const NOTHING_RECEIVED: { readonly receivedBytes?: number } = {};

function contentOf(result: unknown): { readonly receivedBytes: number } {
  return { receivedBytes: (result as ObjectContent).sizeBytes };
}

function about({ operation, key, sizeBytes }: StorageCall, provider: ProviderName) {
  return {
    provider,
    operation,
    keyBytes: Buffer.byteLength(key),
    keyHash: hash('sha256', key).slice(0, 16),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

function outcomeOf(error: unknown): Outcome {
  if (!isStorageError(error)) return { outcome: 'provider_error' };
  const { code, providerCode, httpStatus, requestId } = error;
  return { outcome: code, providerCode, httpStatus, requestId };
}
