import { describe, expect, it } from '@jest/globals';
import { cleanTags, tagsOfText } from './tags.js';

describe('cleanTags', () => {
  it('keeps each tag once, in one order', () => {
    expect(cleanTags(['b', ' a ', 'b', 'Ä', 'a b'])).toEqual(['a', 'a b', 'b', 'Ä']);
    expect(cleanTags([])).toEqual([]);
  });

  it('takes as many and as long ones as it says', () => {
    expect(cleanTags(Array.from({ length: 50 }, (_, i) => `t${i}`))).toHaveLength(50);
    expect(cleanTags(['😀'.repeat(64)])).toHaveLength(1);
  });

  it.each([[['']], [['  ']], [['a,b']], [['a\nb']], [['x'.repeat(65)]], [['\ud800']]])(
    'refuses %j',
    (tags) => {
      expect(() => cleanTags(tags)).toThrow(expect.objectContaining({ code: 'invalid_tags' }));
    },
  );

  it('refuses one more than fifty', () => {
    const tags = Array.from({ length: 51 }, (_, i) => `t${i}`);
    expect(() => cleanTags(tags)).toThrow(expect.objectContaining({ code: 'invalid_tags' }));
  });
});

describe('tagsOfText', () => {
  it('separates by commas and leaves out the empty ones', () => {
    expect(tagsOfText('red, green,,blue,')).toEqual(['blue', 'green', 'red']);
    expect(tagsOfText('')).toEqual([]);
  });
});
