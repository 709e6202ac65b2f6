import { expect, it } from '@jest/globals';
import { zipName } from './zip-names.js';

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
