import { expect, it } from '@jest/globals';
import { FolderRules } from './folder-rules.js';

it('takes all files without patterns', () => {
  const rules = new FolderRules([], []);
  expect([rules.takesFile('a'), rules.takesFile('a/b.tmp'), rules.entersDirectory('a')]).toEqual([
    true,
    true,
    true,
  ]);
});

it('takes only what is included and not excluded', () => {
  const rules = new FolderRules(['*.jpg', 'raw/'], ['*.tmp.jpg', 'cache/']);
  expect(
    ['a.jpg', 'x/b.jpg', 'raw/c.bin', 'a.png', 'a.tmp.jpg'].map((path) => rules.takesFile(path)),
  ).toEqual([true, true, true, false, false]);
  expect([rules.entersDirectory('cache'), rules.entersDirectory('x')]).toEqual([false, true]);
});
