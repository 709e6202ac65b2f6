import { describe, expect, it } from '@jest/globals';
import { wholeParts } from './arrived-parts.js';

const upload = { sizeBytes: 25, partBytes: 10 };
const parts = [10, 10, 5].map((sizeBytes, at) => ({ partNumber: at + 1, sizeBytes, etag: `e${at + 1}` }));
const seen = parts.map(({ partNumber, etag }) => ({ partNumber, etag }));

const refusal = (detail: string) =>
  expect.objectContaining({ code: 'upload_incomplete', message: expect.stringContaining(detail) });

describe('wholeParts', () => {
  it('takes what was planned, whatever else lies there', () => {
    expect(wholeParts(upload, parts)).toEqual(parts);
    const stray = { partNumber: 4, sizeBytes: 10, etag: 'x' };
    expect(wholeParts(upload, [...parts, stray], seen)).toEqual(parts);
  });

  it('names what has not arrived, and what is not what was announced', () => {
    const short = { ...parts[0]!, sizeBytes: 9 };
    expect(() => wholeParts(upload, [short, parts[2]!])).toThrow(refusal('have not arrived: 2.'));
    expect(() => wholeParts(upload, [short, parts[2]!])).toThrow(refusal('not what was announced: 1.'));
    expect(() => wholeParts(upload, parts, [{ partNumber: 3, etag: 'other' }])).toThrow(
      refusal('not what was announced: 3.'),
    );
  });

  it('does not name thousands', () => {
    const long = { sizeBytes: 10_000, partBytes: 1 };
    expect(() => wholeParts(long, [])).toThrow(refusal('19, 20 and 9980 more.'));
  });
});
