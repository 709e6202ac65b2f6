import { expect, it } from '@jest/globals';
import { uniqueNames, zipName, zipNameOfFile } from './zip-names.js';

const path = (...names: string[]) => names.map((name) => Buffer.from(name));

it.each([
  [path('a', 'b.txt'), 'a/b.txt', true],
  [path('ä', '👩‍💻'), 'ä/👩‍💻', true],
  [path('a\\b'), 'a_b', false],
  [path('C:', 'x'), 'C_/x', false],
  [[Buffer.of(0x66, 0xff)], 'f\ufffd', false],
  [path('a'.repeat(65_001)), undefined, false],
])('%s is called %j in an archive', (given, name, isExact) => {
  expect(zipName(given)).toEqual({ name, isExact });
});

it.each([
  ['', 'a.txt', 'a.txt'],
  ['x/y/', '../../etc/passwd', 'x/y/.._.._etc_passwd'],
  ['', '..', '__'],
  ['', '/etc', '_etc'],
  ['', 'C:\\x', 'C__x'],
  ['D:/', 'x', 'D_/x'],
  ['a\\b/', '.', 'a_b/_'],
  ['ä/', 'Ärger 👩‍💻.txt', 'ä/Ärger 👩‍💻.txt'],
])('the file %j %j is called %j in an archive', (folder, filename, name) => {
  expect(zipNameOfFile(folder, filename)).toBe(name);
});

it('gives each name once, also on disks that know no case and no accents, and beside folders', () => {
  const names = ['a.txt', 'a.txt', 'A.TXT', 'a (2).txt', 'x', 'x/y', 'X/.profile', 'x/.profile'];
  expect(uniqueNames(names)).toEqual([
    'a.txt',
    'a (2).txt',
    'A (3).TXT',
    'a (2) (2).txt',
    'x (2)',
    'x/y',
    'X/.profile',
    'x/.profile (2)',
  ]);
  expect(uniqueNames(['\u00e9', 'e\u0301'])).toEqual(['\u00e9', 'e\u0301 (2)']);
});

it('does not take long for a hundred thousand namesakes', () => {
  const unique = uniqueNames(Array.from({ length: 100_000 }, () => 'same.txt'));
  expect(new Set(unique).size).toBe(100_000);
});
