import { describe, expect, it } from '@jest/globals';
import { byteRange } from './byte-range.js';

describe('byteRange', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    ['bytes=10-', 10, 99],
    ['bytes=99-', 99, 99],
    ['bytes=0-9999999999999999', 0, 99],
    ['bytes=-1', 99, 99],
    ['bytes=-100', 0, 99],
    ['bytes=-9999', 0, 99],
    ['Bytes= 5-6 ', 5, 6],
  ])('reads %s of 100 bytes', (header, start, end) => {
    expect(byteRange(header, 100)).toEqual({ start, end });
  });

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=9999999999999999-'])(
    'cannot satisfy %s',
    (header) => {
      expect(byteRange(header, 100)).toBe('unsatisfiable');
    },
  );

  it.each(['bytes=0-0', 'bytes=0-', 'bytes=-1'])('cannot satisfy %s of an empty file', (header) => {
    expect(byteRange(header, 0)).toBe('unsatisfiable');
  });

  it.each([
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=5-4',
    'bytes=a-b',
    'bytes=0-,5-',
    'bytes=0-1,3-4',
    `bytes=${Array.from({ length: 1000 }, (_, at) => `${at}-${at}`).join()}`,
    'bytes=1e3-',
    'bytes=+1-2',
    'bytes=--1',
    'items=0-1',
    `bytes=${'9'.repeat(400)}-`,
  ])('ignores %.40j', (header) => {
    expect(byteRange(header, 100)).toBeUndefined();
  });
});
