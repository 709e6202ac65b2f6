import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { RequestError } from '../../errors/request-errors.js';

/** What a request says about its own body; `length` is that of the digest in bytes. */
const ALGORITHMS = { sha256: 32, sha1: 20, md5: 16, crc32: 4 } as const;

type Algorithm = keyof typeof ALGORITHMS;

/** Computes the digest of one request's body, to compare it with what the request says that it is. */
export interface BodyDigest {
  update(piece: Buffer): void;
  /** Of all that was passed; to be asked once. */
  fits(): boolean;
}

/**
 * `Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=` of the tus extension `checksum`; undefined when it is absent.
 * @throws RequestError `bad_request` for an algorithm that is not offered or a value of another length
 */
export function bodyDigestOf(header: string | undefined): BodyDigest | undefined {
  if (header === undefined) return undefined;
  const [algorithm = '', value = '', ...rest] = header.split(' ');
  const expected = Buffer.from(value, 'base64');
  if (!isOffered(algorithm) || rest.length > 0 || expected.length !== ALGORITHMS[algorithm]) {
    throw new RequestError(
      'bad_request',
      `Upload-Checksum must be one of ${Object.keys(ALGORITHMS).join(', ')}, a space, and the digest in base64.`,
    );
  }
  return algorithm === 'crc32' ? crcDigest(expected) : hashDigest(algorithm, expected);
}

function isOffered(algorithm: string): algorithm is Algorithm {
  return Object.hasOwn(ALGORITHMS, algorithm);
}

function hashDigest(algorithm: Exclude<Algorithm, 'crc32'>, expected: Buffer): BodyDigest {
  const hash = createHash(algorithm);
  return { update: (piece) => void hash.update(piece), fits: () => hash.digest().equals(expected) };
}

/** Four bytes, the highest first, as tusd and others send it. */
function crcDigest(expected: Buffer): BodyDigest {
  let crc = 0;
  return {
    update: (piece) => (crc = crc32(piece, crc)),
    fits: () => crc === expected.readUInt32BE(),
  };
}
