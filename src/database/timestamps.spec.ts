import { describe, expect, it } from '@jest/globals';
import { parseUtcTimestamp } from './timestamps.js';

describe('TIMESTAMP without time zone', () => {
  it.each([
    ['2026-11-22 06:52:06', '2026-11-22T06:52:06.000Z'],
    ['2026-11-22 06:52:06.5', '2026-11-22T06:52:06.500Z'],
    ['2026-07-01 23:59:59.123456', '2026-07-01T23:59:59.123Z'],
    ['1970-01-01 00:00:00', '1970-01-01T00:00:00.000Z'],
  ])('is read as UTC: %s', (text, iso) => {
    expect(parseUtcTimestamp(text).toISOString()).toBe(iso);
  });
});
