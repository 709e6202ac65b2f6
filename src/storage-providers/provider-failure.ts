import type { StorageOperation } from './storage-errors.js';
import type { ProviderName } from './storage-provider.js';

/** What is known about one failed call, without any provider's types. */
export interface ProviderFailure {
  readonly provider: ProviderName;
  readonly operation: StorageOperation;
  readonly bucket?: string;
  /** Error code of Node, OpenSSL, undici or the SDK: `ENOTFOUND`, `CERT_HAS_EXPIRED`, `TimeoutError`, `AbortError`. */
  readonly errno?: string;
  readonly httpStatus?: number;
  /** S3 `Code`, `x-ms-error-code`, GCS `reason` or OAuth `error`. */
  readonly code?: string;
  /** The provider's text: read by bounded patterns only, never shown. */
  readonly message?: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** False when the answer was not in the provider's format (HTML, empty, another root element). */
  readonly bodyIsExpectedShape?: boolean;
  /** The local clock, to tell clock skew from a wrong key. */
  readonly nowMs?: number;
  readonly cause?: unknown;
}
