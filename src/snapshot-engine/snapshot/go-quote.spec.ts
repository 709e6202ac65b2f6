import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { goQuote, goUnquote, isPlainName } from './go-quote.js';
import { goJsonString } from './go-json.js';

const bytes = (...values: number[]) => Buffer.from(values);

describe('Go’s quoting', () => {
  it.each([
    ['plain', Buffer.from('plain-name_1.txt'), 'plain-name_1.txt'],
    ['quotes and backslashes', Buffer.from('a"b\\c'), 'a\\"b\\\\c'],
    ['control characters', bytes(7, 8, 9, 10, 11, 12, 13, 1, 0x7f), '\\a\\b\\t\\n\\v\\f\\r\\x01\\x7f'],
    ['characters that are printable', Buffer.from('ü日\u{1f389}\ufffd'), 'ü日\u{1f389}\ufffd'],
    ['spaces other than the space', Buffer.from('\u00a0\u2028\u200b'), '\\u00a0\\u2028\\u200b'],
    ['the byte order mark', Buffer.from('\ufeff'), '\\ufeff'],
    ['private use and what is not assigned', Buffer.from('\ue000\u{10ffff}'), '\\ue000\\U0010ffff'],
    ['what was assigned after Unicode 13', Buffer.from('\u{1fae0}'), '\\U0001fae0'],
    ['bytes that are no UTF-8', bytes(0x61, 0xff, 0x62), 'a\\xffb'],
    ['each byte of a surrogate', bytes(0xed, 0xa0, 0x80), '\\xed\\xa0\\x80'],
    ['each byte of an overlong form', bytes(0xc0, 0xaf, 0xe0, 0x80, 0xaf), '\\xc0\\xaf\\xe0\\x80\\xaf'],
    ['each byte of what is cut off', bytes(0xf0, 0x9f, 0x8e), '\\xf0\\x9f\\x8e'],
    ['what is above all characters', bytes(0xf4, 0x90, 0x80, 0x80), '\\xf4\\x90\\x80\\x80'],
  ])('spells %s', (_, raw, quoted) => {
    expect(goQuote(raw)).toBe(quoted);
    expect(goUnquote(quoted)).toEqual(raw);
  });

  it('is undone for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (raw) => {
        expect(goUnquote(goQuote(raw))).toEqual(Buffer.from(raw));
      }),
    );
  });

  it('calls plain exactly what neither quoting nor JSON changes', () => {
    for (let byte = 0; byte < 256; byte++) {
      const raw = Buffer.of(byte);
      const changed = goJsonString(goQuote(raw)) !== `"${raw.toString('latin1')}"` || byte > 0x7f;
      expect([byte, isPlainName(raw.toString('latin1'))]).toEqual([byte, !changed]);
    }
  });

  it('reads other spellings that Go reads', () => {
    expect(goUnquote('\\101\\x42\\u0043\\U00000044')).toEqual(Buffer.from('ABCD'));
  });

  it.each(['a"b', 'a\nb', '\\', '\\q', "\\'", '\\x1', '\\400', '\\ud800', '\\U00110000', '\\u00g0'])(
    'refuses %j as Go does',
    (quoted) => expect(goUnquote(quoted)).toBeUndefined(),
  );
});
