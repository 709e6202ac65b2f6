import { createCipheriv, createHash } from 'node:crypto';

/** Bytes without any pattern, always the same for the same seed, and as fast as the machine encrypts. */
export function noise(sizeBytes: number, seed: number | string = 0): Buffer {
  const key = createHash('sha256').update(String(seed)).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}
