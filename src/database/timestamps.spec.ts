import { describe, expect, it } from '@jest/globals';
import { isoTimestamp, parseUtcTimestamp } from './timestamps.js';

describe('isoTimestamp', () => {
  it.each([
    ['2026-11-22 06:52:06', '2026-11-22T06:52:06.000Z'],
    ['2026-11-22 06:52:06.1', '2026-11-22T06:52:06.100Z'],
    ['2026-11-22 06:52:06.123', '2026-11-22T06:52:06.123Z'],
    ['1969-12-31 23:59:59.123456', '1969-12-31T23:59:59.123Z'],
  ])('prints %s as %s, as JavaScript does', (text, iso) => {
    expect(isoTimestamp(text)).toBe(iso);
    expect(parseUtcTimestamp(text).toISOString()).toBe(iso);
  });

  it.each(['', 'infinity', '-infinity'])('has nothing for "%s"', (text) => {
    expect(isoTimestamp(text)).toBeNull();
  });
});
