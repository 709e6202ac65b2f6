import { describe, expect, it } from '@jest/globals';
import { assertFilename, downloadName, filenameOfQuery } from './filename.js';

const refused = expect.objectContaining({ code: 'invalid_filename' });

describe('assertFilename', () => {
  it.each([
    '.',
    '..',
    '../../etc/passwd',
    '/abs',
    'C:\\x',
    '\\\\unc\\x',
    'a//b/',
    'CON',
    'aux.txt',
    '.htaccess',
    'trailing dot.',
    'trailing space ',
    '\u202Efdp.exe',
    '👩‍👩‍👧.png',
    'ä'.normalize('NFD'),
    '=cmd|calc',
    'a";filename*=x',
    '%00',
    '__proto__',
    'x'.repeat(255),
    '😀'.repeat(255),
  ])('takes %j as a mere name', (name) => {
    expect(() => assertFilename(name)).not.toThrow();
  });

  it.each([
    '',
    'x'.repeat(256),
    '😀'.repeat(256),
    'a\0b',
    'a\r\nb',
    'a\tb',
    'a\u007fb',
    'a\u0085b',
    'a\ud800b',
  ])('refuses %j', (name) => {
    expect(() => assertFilename(name)).toThrow(refused);
  });
});

describe('filenameOfQuery', () => {
  it.each([
    ['/api/v1/files?filename=a.txt', 'a.txt'],
    ['/api/v1/files?x=1&filename=a%20b+c%26d.txt&y', 'a b c&d.txt'],
    ['/api/v1/files?filename=%E2%82%AC.txt', '€.txt'],
    ['/api/v1/files?filename=..%2F..%2Fx', '../../x'],
    ['/api/v1/files?filename=%2500', '%00'],
  ])('reads %s', (url, expected) => {
    expect(filenameOfQuery(url)).toBe(expected);
  });

  it.each([
    '/api/v1/files',
    '/api/v1/files?',
    '/api/v1/files?filename',
    '/api/v1/files?filename=',
    '/api/v1/files?filename=a&filename=b',
    '/api/v1/files?filename=%FF.txt',
    '/api/v1/files?filename=%E2%82.txt',
    '/api/v1/files?filename=%ED%A0%80',
    '/api/v1/files?filename=%00',
    '/api/v1/files?filename=a%0Ab',
    '/api/v1/files?filename=%',
    '/api/v1/files?filename[]=a',
  ])('refuses %s', (url) => {
    expect(() => filenameOfQuery(url)).toThrow(refused);
  });
});

describe('downloadName', () => {
  it.each([
    ['a.txt', 'a.txt'],
    ['../x', 'x'],
    ['C:\\temp\\y.doc', 'y.doc'],
    ['a/', 'download'],
    ['..', 'download'],
    ['.htaccess', '.htaccess'],
  ])('offers %j as %j', (name, expected) => {
    expect(downloadName(name)).toBe(expected);
  });
});
