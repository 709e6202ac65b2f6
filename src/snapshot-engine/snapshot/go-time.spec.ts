import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatTime, parseTime } from './go-time.js';

const SECOND = 1_000_000_000n;
const parse = (text: string) => parseTime(Buffer.from(text));

describe('times', () => {
  it.each([
    [0n, '1970-01-01T00:00:00Z'],
    [1n, '1970-01-01T00:00:00.000000001Z'],
    [-1n, '1969-12-31T23:59:59.999999999Z'],
    [-SECOND, '1969-12-31T23:59:59Z'],
    [1_663_230_000n * SECOND + 120_000_000n, '2022-09-15T08:20:00.12Z'],
    [951_782_400n * SECOND, '2000-02-29T00:00:00Z'],
    [-62_135_596_800n * SECOND, '0001-01-01T00:00:00Z'],
    [-62_167_219_200n * SECOND, '0000-01-01T00:00:00Z'],
    [253_402_300_799n * SECOND + 999_999_999n, '9999-12-31T23:59:59.999999999Z'],
  ])('writes %s ns as %s', (ns, text) => {
    expect(formatTime(ns)).toBe(text);
    expect(parse(text)).toBe(ns);
  });

  it.each([
    ['the second before the year 0', -62_167_219_201n * SECOND, '0000-12-31T23:59:59Z'],
    ['the second after the year 9999', 253_402_300_800n * SECOND, '9999-01-01T00:00:00Z'],
    ['a leap day that 9999 does not have', 253_407_398_400n * SECOND, '9999-03-01T00:00:00Z'],
  ])('keeps all but the year of %s', (_, ns, text) => expect(formatTime(ns)).toBe(text));

  it('survives the largest times that a file system stores', () => {
    expect(formatTime((2n ** 63n - 1n) * SECOND)).toMatch(/^9999-\d\d-\d\dT\d\d:\d\d:07Z$/);
    expect(formatTime(-(2n ** 63n) * SECOND)).toMatch(/^0000-\d\d-\d\dT\d\d:\d\d:52Z$/);
  });

  it('agrees with Date for any millisecond', () => {
    const dates = fc.date({
      min: new Date(-62_167_219_200_000),
      max: new Date(253_402_300_799_999),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        const ns = BigInt(date.getTime()) * 1_000_000n;
        expect(new Date(formatTime(ns)).getTime()).toBe(date.getTime());
        expect(parse(date.toISOString())).toBe(ns);
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads offsets and more decimals than it writes', () => {
    expect(parse('1970-01-01T02:30:00+02:30')).toBe(0n);
    expect(parse('1969-12-31T21:00:00.5-03:00')).toBe(SECOND / 2n);
    expect(parse('1970-01-01T00:00:00.0000000019999Z')).toBe(1n);
  });

  it.each([
    '', 'now', '1970-01-01', '1970-01-01T00:00:00', '1970-01-01 00:00:00Z', '1970-13-01T00:00:00Z', '1970-00-01T00:00:00Z',
    '1970-02-29T00:00:00Z', '1970-04-31T00:00:00Z', '1970-01-00T00:00:00Z', '1970-01-01T24:00:00Z', '1970-01-01T00:60:00Z',
    '1970-01-01T00:00:60Z', '1970-01-01T00:00:00.Z', '1970-01-01T00:00:00Zz', '1970-01-01T00:00:00+0000',
    '1970-01-01T00:00:00+25:00', '1970-01-01T00:00:00+01:60', '10000-01-01T00:00:00Z', '-001-01-01T00:00:00Z', '197O-01-01T00:00:00Z',
  ])('does not take %j for a time', (text) => expect(parse(text)).toBeUndefined()); // prettier-ignore
});
