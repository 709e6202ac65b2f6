import { damaged } from '../errors/repository-error.js';
import type { ObjectContent } from '../../storage-providers/storage-provider.js';

/**
 * The body as one buffer of exactly its length. Throws `damaged_repository` about `subject`, without reading on, when
 * it is longer than `maxBytes` or than it says.
 */
export async function contentBytes(
  { body, sizeBytes }: ObjectContent,
  maxBytes: number,
  subject: string,
): Promise<Buffer<ArrayBuffer>> {
  if (sizeBytes > maxBytes) {
    body.destroy();
    throw damaged(subject, `it is larger than ${maxBytes} bytes`);
  }
  let bytes: Buffer<ArrayBuffer> | undefined;
  let at = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (at + chunk.length > sizeBytes) throw damaged(subject, 'the storage sent more than it said');
    if (isWhole(chunk, sizeBytes)) bytes = chunk;
    else (bytes ??= Buffer.allocUnsafeSlow(sizeBytes)).set(chunk, at);
    at += chunk.length;
  }
  if (at < sizeBytes) throw damaged(subject, 'the storage sent less than it said');
  return bytes ?? Buffer.alloc(0);
}

/** One piece with all of it, in memory of its own. */
function isWhole(chunk: Buffer, sizeBytes: number): chunk is Buffer<ArrayBuffer> {
  return chunk.length === sizeBytes && chunk.buffer.byteLength === sizeBytes;
}
