import { describe, expect, it } from '@jest/globals';
import { MIB, SMALL_UPLOAD_BYTES } from './upload-limits.js';
import { largestFileBytes, planUpload } from './upload-plan.js';

const GIB = 1024 * MIB;
const TIB = 1024 * GIB;
const multipart = { minPartBytes: 5 * MIB, maxPartBytes: 5 * GIB, maxParts: 10_000 };
const s3 = { maxPutBytes: 5 * GIB, multipart };

describe('planUpload', () => {
  it('sends small files as one buffer', () => {
    expect(planUpload(0, TIB, s3)).toMatchObject({ kind: 'buffer', then: undefined });
    expect(planUpload(SMALL_UPLOAD_BYTES, TIB, s3)).toMatchObject({ kind: 'buffer' });
  });

  it('streams files of known length in one call, up to what one call takes', () => {
    expect(planUpload(SMALL_UPLOAD_BYTES + 1, TIB, s3)).toEqual({
      kind: 'stream',
      sizeBytes: SMALL_UPLOAD_BYTES + 1,
    });
    expect(planUpload(5 * GIB, TIB, s3)).toEqual({ kind: 'stream', sizeBytes: 5 * GIB });
  });

  it('streams larger ones in parts of one size', () => {
    expect(planUpload(5 * GIB + 1, TIB, s3)).toEqual({
      kind: 'streamed_parts',
      sizeBytes: 5 * GIB + 1,
      partBytes: 64 * MIB,
    });
    const largest = planUpload(5 * TIB, 5 * TIB, s3);
    expect(largest).toMatchObject({ kind: 'streamed_parts', partBytes: 583 * MIB });
  });

  it('gathers files of unknown length in parts, few enough for the limit', () => {
    expect(planUpload(undefined, 100 * MIB, s3)).toEqual({
      kind: 'buffer',
      bufferBytes: SMALL_UPLOAD_BYTES,
      then: { kind: 'buffered_parts', partBytes: 8 * MIB },
    });
    expect(planUpload(undefined, 5 * TIB, s3)).toMatchObject({ then: { partBytes: 16 * MIB } });
    expect(planUpload(undefined, 100, s3)).toMatchObject({ bufferBytes: 100 });
  });

  it('takes only small files of unknown length where there are no multipart uploads', () => {
    const bucket = { maxPutBytes: 5 * GIB };
    expect(planUpload(undefined, TIB, bucket)).toMatchObject({ kind: 'buffer', then: undefined });
    expect(largestFileBytes(false, bucket)).toBe(SMALL_UPLOAD_BYTES);
    expect(largestFileBytes(true, bucket)).toBe(5 * GIB);
  });

  it('respects the bounds of the provider', () => {
    const narrow = {
      maxPutBytes: 10 * MIB,
      multipart: { minPartBytes: 32 * MIB, maxPartBytes: 32 * MIB, maxParts: 100 },
    };
    expect(planUpload(2 * GIB, TIB, narrow)).toMatchObject({ partBytes: 32 * MIB });
    expect(largestFileBytes(true, narrow)).toBe(3200 * MIB);
    expect(largestFileBytes(true, s3)).toBeGreaterThan(5 * TIB);
  });
});
