/** The order in which object stores list: by UTF-8 bytes, which is not the order of JavaScript's strings. */
export function compareUtf8(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
