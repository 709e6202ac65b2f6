import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type ChecksumAlgorithm = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c';

/** A digest that is fed in pieces. CRCs are 4 bytes, big-endian, as S3 and GCS write them in base64. */
export interface RunningChecksum {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  if (algorithm === 'crc32') return runningCrc((bytes, before) => crc32(bytes, before));
  if (algorithm === 'crc32c') return runningCrc(crc32c);
  return createHash(algorithm);
}

export function checksumOf(algorithm: ChecksumAlgorithm, bytes: Uint8Array): Buffer {
  const running = startChecksum(algorithm);
  running.update(bytes);
  return running.digest();
}

/** CRC-32C (Castagnoli) of `bytes`, going on from `before`; RFC 3720 appendix B.4 has test vectors. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let at = 0;
  // Eight table look-ups a step ("slicing by 8"): bytewise it would dominate the time of large uploads.
  for (; at + 8 <= bytes.length; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      TABLES[7 * 256 + (low & 255)]! ^
      TABLES[6 * 256 + ((low >>> 8) & 255)]! ^
      TABLES[5 * 256 + ((low >>> 16) & 255)]! ^
      TABLES[4 * 256 + (low >>> 24)]! ^
      TABLES[3 * 256 + bytes[at + 4]!]! ^
      TABLES[2 * 256 + bytes[at + 5]!]! ^
      TABLES[256 + bytes[at + 6]!]! ^
      TABLES[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at += 1) crc = TABLES[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

const REVERSED_CASTAGNOLI = 0x82f63b78;
const TABLES = castagnoliTables();

function castagnoliTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? REVERSED_CASTAGNOLI : 0);
    tables[byte] = crc;
  }
  for (let slice = 1; slice < 8; slice += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const previous = tables[(slice - 1) * 256 + byte]!;
      tables[slice * 256 + byte] = tables[previous & 255]! ^ (previous >>> 8);
    }
  }
  return tables;
}

function runningCrc(step: (bytes: Uint8Array, before: number) => number): RunningChecksum {
  let value = 0;
  return {
    update: (bytes) => {
      value = step(bytes, value);
    },
    digest: () => {
      const digest = Buffer.alloc(4);
      digest.writeUInt32BE(value >>> 0);
      return digest;
    },
  };
}
