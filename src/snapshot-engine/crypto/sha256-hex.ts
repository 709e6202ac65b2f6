const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Whether a text is written as the ids of blobs and repository files are: 64 lower-case hex digits. */
export function isSha256Hex(text: string): boolean {
  return SHA256_HEX.test(text);
}
