import { describe, expect, it } from '@jest/globals';
import { cleanFolder } from './folder-path.js';

describe('cleanFolder', () => {
  it.each([
    ['', ''],
    ['/', ''],
    ['photos', 'photos/'],
    ['photos/', 'photos/'],
    ['/photos/2026', 'photos/2026/'],
    ['a b/ü/日本/', 'a b/ü/日本/'],
    ['C:\\temp', 'C:\\temp/'],
    ['...', '.../'],
    ['.git/', '.git/'],
    [`${'x'.repeat(255)}/`, `${'x'.repeat(255)}/`],
    ['😀'.repeat(255), `${'😀'.repeat(255)}/`],
    [`${'x'.repeat(255)}/`.repeat(4), `${'x'.repeat(255)}/`.repeat(4)],
  ])('takes %j as %j', (text, folder) => {
    expect(cleanFolder(text)).toBe(folder);
    expect(cleanFolder(folder)).toBe(folder);
  });

  it.each([
    '//',
    'a//b',
    '//a',
    'a//',
    '.',
    '..',
    '../a',
    'a/./b',
    'a/../b/',
    'a\0b',
    'a\nb/',
    'a\u0085b',
    '\ud800/',
    'x'.repeat(256),
    `${'x'.repeat(254)}/`.repeat(5),
    '😀'.repeat(256),
  ])('refuses %j', (text) => {
    expect(() => cleanFolder(text)).toThrow(expect.objectContaining({ code: 'invalid_folder' }));
  });
});
