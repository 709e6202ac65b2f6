import { describe, expect, it } from '@jest/globals';
import { parsePartHead } from './form-part.js';

const parse = (...lines: string[]) => parsePartHead(Buffer.from(lines.join('\r\n')));
const filenameOf = (parameter: string) =>
  parse(`Content-Disposition: form-data; name="file"; ${parameter}`).filename;

describe('parsePartHead', () => {
  it.each([
    ['filename="a.txt"', 'a.txt'],
    ['filename=a.txt', 'a.txt'],
    ['filename="ä ö 😀.txt"', 'ä ö 😀.txt'],
    ['filename="../../etc/passwd"', '../../etc/passwd'],
    ['filename="C:\\temp\\x.txt"', 'C:\\temp\\x.txt'],
    ['filename="a%22b.txt"', 'a"b.txt'],
    ['filename="100%.txt"', '100%.txt'],
    ['filename="a;b=c.txt"', 'a;b=c.txt'],
    ['filename=""', ''],
    ["filename*=UTF-8''%e2%82%ac.txt", '€.txt'],
    ['filename="x.txt"; filename*=UTF-8\'\'%e2%82%ac.txt', '€.txt'],
    ['x=y', undefined],
  ])('reads %s', (parameter, expected) => {
    expect(filenameOf(parameter)).toBe(expected);
  });

  it('keeps names that are members of every object apart', () => {
    expect(parse('Content-Disposition: form-data; name="__proto__"')).toMatchObject({ name: '__proto__' });
    expect(() => parse('Content-Disposition: form-data; constructor="x"')).toThrow(/with a name/);
  });

  it('reads header names in any case', () => {
    const head = parse('CONTENT-DISPOSITION: form-data; name="a"', 'content-TYPE: text/plain');
    expect(head).toEqual({ name: 'a', filename: undefined, contentType: 'text/plain' });
  });

  it.each([
    ['no header', ''],
    ['another disposition', 'Content-Disposition: attachment; name="a"'],
    ['no name', 'Content-Disposition: form-data; filename="a"'],
    [
      'two dispositions',
      'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"',
    ],
    ['a folded line', 'Content-Disposition: form-data;\r\n name="a"'],
    ['a line without a colon', 'Content-Disposition: form-data; name="a"\r\nnonsense'],
    ['a transfer encoding', 'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64'],
    ['too many lines', Array.from({ length: 17 }, (_, at) => `X-${at}: y`).join('\r\n')],
  ])('refuses %s', (_, block) => {
    expect(() => parsePartHead(Buffer.from(block))).toThrow(
      expect.objectContaining({ code: 'invalid_form' }),
    );
  });

  it('refuses bytes that are not UTF-8, because they could not be given back', () => {
    const block = Buffer.from('Content-Disposition: form-data; name="file"; filename="\xe4.txt"', 'latin1');
    expect(() => parsePartHead(block)).toThrow(/UTF-8/);
  });
});
