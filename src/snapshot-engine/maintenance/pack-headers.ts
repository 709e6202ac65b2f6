import {
  HEADER_LENGTH_BYTES,
  openPackHeader,
  sealedHeaderBytes,
  type PackHeader,
} from '../pack/pack-header.js';
import type { MaintainedRepository } from './maintained-repository.js';

/** Enough for the headers of nearly all packs: one request instead of two. */
const TAIL_BYTES = 64 * 1_024;

/**
 * Reads what a pack says that it holds. Rejects with `damaged_repository` when its end is no header, and with
 * StorageErrors.
 */
export async function loadPackHeader(
  { files, cipher }: MaintainedRepository,
  packId: string,
  packBytes: number,
  signal?: AbortSignal,
): Promise<PackHeader> {
  const subject = `Pack ${packId}`;
  const tailBytes = Math.min(TAIL_BYTES, packBytes);
  const tail = await load(packBytes - tailBytes, tailBytes);
  const headerBytes = sealedHeaderBytes(tail.subarray(-HEADER_LENGTH_BYTES), packBytes, subject);
  const headerAt = packBytes - HEADER_LENGTH_BYTES - headerBytes;
  const sealed =
    headerBytes + HEADER_LENGTH_BYTES <= tailBytes
      ? tail.subarray(headerAt - (packBytes - tailBytes), tailBytes - HEADER_LENGTH_BYTES)
      : await load(headerAt, headerBytes);
  return openPackHeader(cipher, sealed, headerAt, subject);

  async function load(offset: number, lengthBytes: number): Promise<Buffer> {
    if (lengthBytes === 0) return Buffer.alloc(0);
    return files.load('pack', packId, { range: { offset, lengthBytes }, signal });
  }
}
