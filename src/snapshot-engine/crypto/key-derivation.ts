import { randomBytes, scrypt } from 'node:crypto';
import { RepositoryError } from '../errors/repository-error.js';
import { ENCRYPTION_KEY_BYTES, MAC_KEY_BYTES, masterKeyOf, type MasterKey } from './master-key.js';

/** Cost of scrypt (RFC 7914): `n` a power of two, `r` block size, `p` parallelisation. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

export const SALT_BYTES = 64;

/** 32 MiB and about half a second; OWASP's recommendation for scrypt. */
export const DEFAULT_SCRYPT_COST: ScryptCost = { n: 2 ** 15, r: 8, p: 3 };

/** restic calibrates to 60 MB; a key file that asks for more than this is not obeyed. */
const MAX_MEMORY_BYTES = 256 * 1_024 * 1_024;
/** `128 n r p`, what is mixed in all: about six seconds. */
const MAX_WORK_BYTES = 1_024 * 1_024 * 1_024;
/** OpenSSL counts some blocks more than `128 n r`. */
const MEMORY_SLACK_BYTES = 1_024 * 1_024;

export function createSalt(): Buffer {
  return randomBytes(SALT_BYTES);
}

/**
 * The key that a key file is sealed with. Works on Node's thread pool.
 * Throws `unsupported_repository` when the key file asks for more memory or time than is reasonable.
 */
export async function deriveKey(
  password: string,
  salt: Uint8Array,
  cost: ScryptCost,
  subject: string,
): Promise<MasterKey> {
  assertReasonable(cost, subject);
  const { n, r, p } = cost;
  const maxmem = 128 * r * (n + p) + MEMORY_SLACK_BYTES;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const sizeBytes = ENCRYPTION_KEY_BYTES + 2 * MAC_KEY_BYTES;
  scrypt(password, salt, sizeBytes, { N: n, r, p, maxmem }, (error, bytes) =>
    error ? reject(error) : resolve(bytes),
  );
  const bytes = await promise;
  const key = masterKeyOf(bytes);
  bytes.fill(0);
  return key;
}

function assertReasonable({ n, r, p }: ScryptCost, subject: string): void {
  const valid = [n, r, p].every((value) => Number.isSafeInteger(value) && value >= 1);
  const workBytes = 128 * n * r * p;
  if (valid && n >= 2 && Number.isInteger(Math.log2(n)) && workBytes <= MAX_WORK_BYTES) {
    if (128 * r * (n + p) <= MAX_MEMORY_BYTES) return;
  }
  throw new RepositoryError(
    'unsupported_repository',
    `${subject} asks for an unreasonable cost of its password; create the key again with restic's defaults.`,
    subject,
  );
}
