import { describe, expect, it } from '@jest/globals';
import { awsS3 } from '../storage-providers/providers/aws-s3.js';
import { backblazeB2 } from '../storage-providers/providers/backblaze-b2.js';
import { cloudflareR2 } from '../storage-providers/providers/cloudflare-r2.js';
import { estimateMove } from './move-estimate.js';

describe('the estimate of a move', () => {
  it('has the egress and reads of all sources, and the writes of the target', () => {
    const cargo = [
      { objects: 10_000, bytes: 500e9, price: awsS3.price },
      { objects: 2_000, bytes: 100e9, price: backblazeB2.price },
    ];
    expect(estimateMove(cargo, cloudflareR2.price, 4)).toEqual({
      objects: 12_000,
      bytes: 600e9,
      readRequests: 12_000,
      // And one for each GB: 600.
      writeRequests: 12_600,
      // 500 × 0.09 + 100 × 0.01
      egressUsd: 46,
      // Reads 10 × 0.0004 + 2 × 0.0004, writes 12.6 × 0.0045, looks 12 × 0.00036.
      requestsUsd: 0.0658,
      totalUsd: 46.0658,
      durationSeconds: 24_000,
    });
  });

  it('takes time for each object, however small', () => {
    const cargo = [{ objects: 1_000, bytes: 1_000, price: awsS3.price }];
    expect(estimateMove(cargo, awsS3.price, 4)).toMatchObject({ durationSeconds: 50 });
  });

  it('of nothing is nothing', () => {
    expect(estimateMove([], awsS3.price, 4)).toMatchObject({ objects: 0, totalUsd: 0, durationSeconds: 0 });
  });
});
