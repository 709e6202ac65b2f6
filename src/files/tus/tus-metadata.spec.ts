import { describe, expect, it } from '@jest/globals';
import { announcedFile } from './tus-metadata.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const header = (values: Record<string, string>) =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${base64(value)}`)
    .join(',');

describe('announcedFile', () => {
  it('reads name, type, folder, tags and SHA-256', () => {
    const values = {
      filename: 'Ä b.txt',
      filetype: 'text/plain',
      folder: 'docs',
      tags: 'b, a',
      sha256: 'AB'.repeat(32),
    };
    expect(announcedFile(header(values))).toEqual({
      filename: 'Ä b.txt',
      contentType: 'text/plain',
      folder: 'docs/',
      tags: ['a', 'b'],
      checksum: 'ab'.repeat(32),
    });
  });

  it('takes the names that Uppy gives, and prefers those of tus', () => {
    expect(announcedFile(header({ name: 'n', type: 'image/png', relativePath: 'null' }))).toMatchObject({
      filename: 'n',
      contentType: 'image/png',
    });
    expect(announcedFile(header({ name: 'n', filename: 'f' })).filename).toBe('f');
  });

  it.each([undefined, '', ' ', 'is_confidential'])('needs nothing: %j', (text) => {
    expect(announcedFile(text)).toEqual({
      filename: 'upload',
      contentType: 'application/octet-stream',
      folder: '',
      tags: [],
      checksum: undefined,
    });
  });

  it.each([
    ['filename %%%', 'a value that is no base64'],
    ['filename YQ', 'base64 without its padding'],
    ['filename YQ== x', 'three words'],
    ['filename YQ==,filename Yg==', 'a key twice'],
    [',', 'no key'],
    ['filename /w==', 'a value that is not UTF-8'],
    [`sha256 ${base64('abc')}`, 'a short digest'],
  ])('refuses %j: %s', (text) => {
    expect(() => announcedFile(text)).toThrow(expect.objectContaining({ code: 'bad_request' }));
  });

  it.each([
    [{ filename: '' }, 'invalid_filename'],
    [{ filename: 'a\0b' }, 'invalid_filename'],
    [{ filename: 'x'.repeat(256) }, 'invalid_filename'],
    [{ folder: 'a/../b' }, 'invalid_folder'],
    [{ tags: 'x'.repeat(65) }, 'invalid_tags'],
  ])('refuses %j', (values, code) => {
    expect(() => announcedFile(header(values as Record<string, string>))).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
