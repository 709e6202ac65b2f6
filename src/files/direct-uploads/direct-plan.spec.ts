import { describe, expect, it } from '@jest/globals';
import { partCountOf, partSizeOf } from './direct-upload.js';
import { planParts } from './direct-plan.js';

const MIB = 1024 ** 2;
const GIB = 1024 * MIB;
const s3 = {
  maxPutBytes: 5 * GIB,
  multipart: { minPartBytes: 5 * MIB, maxPartBytes: 5 * GIB, maxParts: 10_000 },
};

describe('planParts', () => {
  it.each([
    ['an empty file', 0, undefined, undefined],
    ['what one PUT takes well', 100 * MIB, undefined, undefined],
    ['more than that', 100 * MIB + 1, undefined, 8 * MIB],
    ['a huge file, in few enough parts', 900 * GIB, undefined, 103 * MIB],
    ['a part size of the client’s', 20 * MIB, 5 * MIB, 5 * MIB],
    ['a file that fits into one such part', 5 * MIB, 5 * MIB, undefined],
  ])('plans %s', (_, sizeBytes, wanted, partBytes) => {
    expect(planParts(sizeBytes, wanted, s3)).toBe(partBytes);
  });

  it('uses one PUT where there are no parts, up to what it takes', () => {
    const bucket = { maxPutBytes: GIB };
    expect(planParts(GIB, 8 * MIB, bucket)).toBeUndefined();
    expect(() => planParts(GIB + 1, undefined, bucket)).toThrow(
      expect.objectContaining({ code: 'file_too_large' }),
    );
  });

  it.each([
    ['smaller than the bucket takes', 20 * MIB, 5 * MIB - 1],
    ['larger than the bucket takes', 20 * MIB, 6 * GIB],
    ['that makes too many parts', 100 * GIB, 5 * MIB],
  ])('refuses a part size %s', (_, sizeBytes, wanted) => {
    expect(() => planParts(sizeBytes, wanted, s3)).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    );
  });

  it('makes parts that are the file, none of them empty', () => {
    for (const sizeBytes of [11, 20, 21, 29, 30]) {
      const upload = { sizeBytes, partBytes: 10 };
      const sizes = Array.from({ length: partCountOf(upload) }, (_, at) => partSizeOf(upload, at + 1));
      expect(sizes.reduce((sum, size) => sum + size)).toBe(sizeBytes);
      expect(sizes.slice(0, -1).every((size) => size === 10)).toBe(true);
      expect(sizes.at(-1)).toBeGreaterThan(0);
    }
    expect(partCountOf({ sizeBytes: 0, partBytes: undefined })).toBe(1);
  });
});
