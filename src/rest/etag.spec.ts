import { describe, expect, it } from '@jest/globals';
import { assertIfMatch, etagOf, matchesIfNoneMatch } from './etag.js';

describe('If-Match', () => {
  const current = etagOf(7);

  it.each([undefined, '"7"', '*', ' * ', '"6", "7"', '"7","8"'])('lets %s pass', (ifMatch) => {
    expect(() => assertIfMatch(ifMatch, current)).not.toThrow();
  });

  it.each(['"6"', 'W/"7"', '7', '', '"77"', '"6", W/"7"'])('refuses %s', (ifMatch) => {
    expect(() => assertIfMatch(ifMatch, current)).toThrow(
      expect.objectContaining({ code: 'precondition_failed' }),
    );
  });
});

describe('If-None-Match', () => {
  it.each([
    [undefined, false],
    ['"7"', true],
    ['W/"7"', true],
    ['"1", "7"', true],
    ['*', true],
    ['"8"', false],
  ])('compares weakly: %s is %s', (ifNoneMatch, matches) => {
    expect(matchesIfNoneMatch(ifNoneMatch, etagOf(7))).toBe(matches);
  });
});
