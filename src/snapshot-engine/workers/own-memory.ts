/** In an ArrayBuffer of its own: one that is shared cannot be transferred, and would be cloned as a whole. */
export function ownMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength;
  return isWhole ? new Uint8Array(buffer) : Uint8Array.from(bytes);
}
