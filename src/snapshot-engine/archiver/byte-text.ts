import { isUtf8 } from 'node:buffer';

/** Bytes that belong to no character become lone surrogates from here on, so that different bytes stay different. */
const ESCAPED_BYTES = 0xdc00;

/**
 * Bytes of a path or a pattern as text for matching: every byte sequence has a text of its own, and what is UTF-8 is
 * its usual text. Not for display and not for storing.
 */
export function textOfBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const width = characterWidth(bytes, at);
    text +=
      width === 0 ? String.fromCharCode(ESCAPED_BYTES + bytes[at]!) : bytes.toString('utf8', at, at + width);
    at += width || 1;
  }
  return text;
}

/** Bytes of the character at `at`, 0 when there is none. */
function characterWidth(bytes: Buffer, at: number): number {
  const lead = bytes[at]!;
  const width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return at + width <= bytes.length && isUtf8(bytes.subarray(at, at + width)) ? width : 0;
}
