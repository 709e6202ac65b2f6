import { isPrintable } from './printable.js';
import { decodeRune, INVALID, isScalar } from './utf8.js';

/** Names that both Go's quoting and JSON leave alone; nearly all are of this kind. */
const PLAIN = /^[ !#-%'-;=?-[\]-~]*$/;

const ESCAPES: Readonly<Record<number, string>> = {
  0x07: '\\a',
  0x08: '\\b',
  0x09: '\\t',
  0x0a: '\\n',
  0x0b: '\\v',
  0x0c: '\\f',
  0x0d: '\\r',
  0x22: '\\"',
  0x5c: '\\\\',
};

/** Whether `goQuote` and JSON's escaping would both change nothing. `latin1`: one character a byte. */
export function isPlainName(latin1: string): boolean {
  return PLAIN.test(latin1);
}

/** Go's strconv.Quote without the quotes around: any bytes as printable text. */
export function goQuote(bytes: Uint8Array): string {
  let quoted = '';
  for (let at = 0; at < bytes.length;) {
    const { rune, width } = decodeRune(bytes, at);
    quoted += rune === INVALID ? `\\x${hex(bytes[at]!, 2)}` : quoteRune(rune);
    at += width;
  }
  return quoted;
}

function quoteRune(rune: number): string {
  const escape = ESCAPES[rune];
  if (escape !== undefined) return escape;
  if (isPrintable(rune)) return String.fromCodePoint(rune);
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`;
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

const UNESCAPES: Readonly<Record<string, number>> = {
  a: 0x07,
  b: 0x08,
  t: 0x09,
  n: 0x0a,
  v: 0x0b,
  f: 0x0c,
  r: 0x0d,
  '"': 0x22,
  '\\': 0x5c,
};

/** Digits and base of the escapes that spell a number. */
const NUMERIC = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;

/** Bytes of a name as `goQuote` (or Go's strconv.Quote) spells it; `undefined` when Go would refuse it. */
export function goUnquote(quoted: string): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < quoted.length;) {
    const next = quoted.indexOf('\\', at);
    const plain = quoted.slice(at, next === -1 ? undefined : next);
    if (/["\n]/.test(plain)) return undefined;
    parts.push(Buffer.from(plain));
    if (next === -1) break;
    const single = UNESCAPES[quoted.charAt(next + 1)];
    const escape =
      single === undefined ? numericEscape(quoted, next) : { bytes: Buffer.of(single), length: 2 };
    if (escape === undefined) return undefined;
    parts.push(escape.bytes);
    at = next + escape.length;
  }
  return Buffer.concat(parts);
}

/** \x and octal stand for a byte, \u and \U for a character. */
function numericEscape(quoted: string, at: number): { bytes: Buffer; length: number } | undefined {
  NUMERIC.lastIndex = at;
  const match = NUMERIC.exec(quoted);
  if (match === null) return undefined;
  const [{ length }, byte, octal, short, long] = match;
  if (byte !== undefined || octal !== undefined) {
    const value = byte === undefined ? parseInt(octal!, 8) : parseInt(byte, 16);
    return value > 0xff ? undefined : { bytes: Buffer.of(value), length };
  }
  const rune = parseInt(short ?? long!, 16);
  return isScalar(rune) ? { bytes: Buffer.from(String.fromCodePoint(rune)), length } : undefined;
}
