import { decodeRune, INVALID } from './utf8.js';

/** What Go's encoding/json escapes in a string: the control characters, and what could end a script in HTML. */
// eslint-disable-next-line no-control-regex
const ESCAPED = /["\\<>&\u0000-\u001f\u2028\u2029]/;
// eslint-disable-next-line no-control-regex
const EACH_ESCAPED = /["\\<>&\u0000-\u001f\u2028\u2029]/g;

/** Go 1.22 added \b and \f to these; no name and hardly any link target holds one. */
const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** A JSON string, quotes included, exactly as Go's encoding/json writes it. */
export function goJsonString(text: string): string {
  if (!ESCAPED.test(text)) return `"${text}"`;
  return `"${text.replace(EACH_ESCAPED, escapeCharacter)}"`;
}

/** The same of raw bytes: each byte that belongs to no character becomes `\ufffd`, spelled out. */
export function goJsonStringOfBytes(bytes: Uint8Array): string {
  let json = '';
  for (let at = 0; at < bytes.length;) {
    const { rune, width } = decodeRune(bytes, at);
    json += rune === INVALID ? '\\ufffd' : escapeAll(String.fromCodePoint(rune));
    at += width;
  }
  return `"${json}"`;
}

function escapeAll(text: string): string {
  return text.replace(EACH_ESCAPED, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
