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
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (at + chunk.length > sizeBytes) throw damaged(subject, 'the storage sent more than it said');
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < sizeBytes) throw damaged(subject, 'the storage sent less than it said');
  return bytes;
}
