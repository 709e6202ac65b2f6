import { StorageError, type StorageOperation } from './storage-errors.js';

/** The limit of S3, GCS and Azure, in bytes of UTF-8. */
export const MAX_OBJECT_KEY_BYTES = 1_024;

/**
 * Accepts a key that means the same to every provider, proxy and file system: 1 to 1,024 bytes of UTF-8, relative,
 * no empty, `.` or `..` segment, no backslash, no control character, no unpaired surrogate.
 * Throws a StorageError (`provider_error`, providerCode `INVALID_OBJECT_KEY`) otherwise.
 */
export function assertObjectKey(key: string, operation: StorageOperation = 'put'): void {
  const problem = problemOf(key);
  if (problem === undefined) return;
  throw new StorageError('provider_error', `The object key ${problem}.`, {
    operation,
    hint: 'Use a relative key of at most 1,024 bytes without control characters, backslashes, empty or dot segments.',
    retryable: false,
    providerCode: 'INVALID_OBJECT_KEY',
  });
}

function problemOf(key: string): string | undefined {
  if (key.length === 0) return 'is empty';
  if (key.length > MAX_OBJECT_KEY_BYTES || Buffer.byteLength(key) > MAX_OBJECT_KEY_BYTES)
    return 'is too long';
  if (PLAIN_KEY.test(key)) return undefined;
  if (!key.isWellFormed()) return 'is not valid Unicode';
  if (FORBIDDEN_CHARACTERS.test(key)) return 'has a control character or a backslash';
  return hasOddSegment(key) ? 'has an empty segment or one that is . or ..' : undefined;
}

/** What almost every key looks like, told in one pass: segments that begin with a letter or digit. */
const PLAIN_KEY = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

/** C0, DEL, C1, the line and paragraph separators, and backslashes, which some proxies turn into slashes. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]/;

function hasOddSegment(key: string): boolean {
  return key.split('/').some((segment) => segment === '' || segment === '.' || segment === '..');
}
