import { DEFAULT_PREFIX } from './setting-fields.js';
import type { ConnectContext, ObjectStorage, ProviderSettings, StorageProvider } from './storage-provider.js';
import { logged, type StorageLogEntry } from './wrappers/logged.js';
import { prefixed } from './wrappers/prefixed.js';
import { retrying, type RetryOptions } from './wrappers/retrying.js';
import { toldSigning, type SignedUrlEntry } from './wrappers/told-signing.js';
import { throttled, type ThrottleOptions } from './wrappers/throttled.js';

export interface OpenOptions {
  /** Hears of every call to the provider, retries included. */
  readonly log?: (entry: StorageLogEntry) => void;
  /** Hears of every URL that was signed. */
  readonly signed?: (entry: SignedUrlEntry) => void;
  readonly retry?: RetryOptions;
}

/** Well below the connections of one client, so that calls wait here, where they can be aborted. */
const LIMITS: ThrottleOptions = { maxConcurrent: 96, maxQueued: 2_000 };

/**
 * Opens a bucket as all work sees it: below its prefix, retrying, with a bounded number of calls at once. A call that
 * pauses before its next try gives its turn to others. Contacts nobody yet.
 * @throws StorageError when the dialling policy forbids the endpoint or a credential cannot be used at all
 */
export function openStorage(
  provider: StorageProvider,
  settings: ProviderSettings,
  context: ConnectContext,
  { log, signed, retry }: OpenOptions = {},
): ObjectStorage {
  const connected = provider.connect(settings, context);
  const observed = log ? logged(connected, log) : connected;
  const reliable = retrying(throttled(observed, LIMITS), retry);
  const told = signed ? toldSigning(reliable, signed) : reliable;
  return prefixed(told, settings.prefix ?? DEFAULT_PREFIX);
}
