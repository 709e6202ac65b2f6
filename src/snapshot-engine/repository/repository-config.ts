import { isSha256Hex } from '../crypto/sha256-hex.js';
import { randomBytes } from 'node:crypto';
import type { ChunkerKind } from '../chunker/chunker.js';
import { damaged, RepositoryError } from '../errors/repository-error.js';
import { createPolynomial, parsePolynomial } from '../chunker/polynomial.js';
import { jsonFields } from './json-fields.js';
import { CONFIG_NAME } from './repository-layout.js';

/** What a repository is; made once, never changed. */
export interface RepositoryConfig {
  /** 64 hex digits, random. */
  readonly id: string;
  readonly chunkerPolynomial: bigint;
  readonly chunkerKind: ChunkerKind;
}

const VERSION = 2;

/** A field of ours that restic ignores. A repository without it was made by another program, which cuts by rabin. */
const CHUNKER_FIELD = 'stowage_chunker';

export function createRepositoryConfig(chunkerKind: ChunkerKind): RepositoryConfig {
  return { id: randomBytes(32).toString('hex'), chunkerPolynomial: createPolynomial(), chunkerKind };
}

/** The JSON that is sealed, never compressed, as `config`. */
export function encodeRepositoryConfig({ id, chunkerPolynomial, chunkerKind }: RepositoryConfig): Buffer {
  const chunker = chunkerKind === 'rabin' ? {} : { [CHUNKER_FIELD]: chunkerKind };
  return Buffer.from(
    JSON.stringify({
      version: VERSION,
      id,
      chunker_polynomial: chunkerPolynomial.toString(16),
      ...chunker,
    }),
  );
}

/**
 * Throws `unsupported_repository` for another version or chunker and `damaged_repository` for what is no config.
 */
export function parseRepositoryConfig(json: Uint8Array): RepositoryConfig {
  const fields = jsonFields(json, CONFIG_NAME);
  const { version, id, chunker_polynomial: polynomial, [CHUNKER_FIELD]: chunkerKind = 'rabin' } = fields;
  if (version !== VERSION) {
    throw unsupported(
      version === 1
        ? 'The repository has format 1; run `restic migrate upgrade_repo_v2` first.'
        : 'The repository has a format that is not known here; only format 2 is.',
    );
  }
  if (chunkerKind !== 'rabin' && chunkerKind !== 'gear') {
    throw unsupported('The repository was cut by a chunker that is not known here; use a newer version.');
  }
  if (typeof id !== 'string' || !isSha256Hex(id)) throw damaged(CONFIG_NAME, 'it has no repository id');
  const chunkerPolynomial = typeof polynomial === 'string' ? parsePolynomial(polynomial) : undefined;
  if (chunkerPolynomial === undefined) {
    throw damaged(CONFIG_NAME, 'its chunker polynomial is not an irreducible one of degree 53');
  }
  return { id, chunkerPolynomial, chunkerKind };
}

function unsupported(message: string): RepositoryError {
  return new RepositoryError('unsupported_repository', message, CONFIG_NAME);
}
