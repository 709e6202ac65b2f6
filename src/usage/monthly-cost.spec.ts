import { describe, expect, it } from '@jest/globals';
import { PROVIDERS } from '../storage-providers/providers/index.js';
import type { ProviderName, ProviderPrice } from '../storage-providers/storage-provider.js';
import { isPriced, monthlyCost } from './monthly-cost.js';

const priceOf = (name: ProviderName): ProviderPrice => PROVIDERS.find((one) => one.name === name)!.price;

/** 500 GB stored, 100,000 writes, 2 million reads, 50 GB out. */
const MONTH = { storedBytes: 500e9, writes: 100_000, reads: 2_000_000, egressBytes: 50e9 };

describe('the cost of a month', () => {
  // By hand: storage + writes + reads + egress.
  it.each<[ProviderName, number, number, number, number]>([
    ['aws_s3', 11.5, 0.5 + 0.8, 4.5, 17.3],
    ['google_gcs', 10, 0.5 + 0.8, 6, 17.3],
    ['azure_blob', 9, 0.5 + 0.8, 4.35, 14.65],
    ['backblaze_b2', 2.5, 0.8, 0.5, 3.8],
    ['cloudflare_r2', 7.5, 0.45 + 0.72, 0, 8.67],
    ['digitalocean_spaces', 10, 0, 0.5, 10.5],
    ['local_disk', 0, 0, 0, 0],
  ])('at %s', (provider, storageUsd, requestsUsd, egressUsd, totalUsd) => {
    expect(monthlyCost(priceOf(provider), MONTH)).toEqual({ storageUsd, requestsUsd, egressUsd, totalUsd });
  });

  it('is told to a hundredth of a cent, and its parts add up', () => {
    // 0.0023 USD of storage, 0.000005 USD of one write, 0.00009 USD of egress.
    const little = { storedBytes: 100e6, writes: 1, reads: 0, egressBytes: 1e6 };
    expect(monthlyCost(priceOf('aws_s3'), little)).toEqual({
      storageUsd: 0.0023,
      requestsUsd: 0,
      egressUsd: 0.0001,
      totalUsd: 0.0024,
    });
  });

  it('of nothing is nothing', () => {
    const nothing = { storedBytes: 0, writes: 0, reads: 0, egressBytes: 0 };
    expect(monthlyCost(priceOf('aws_s3'), nothing).totalUsd).toBe(0);
  });

  it('is unknown for stores of one’s own', () => {
    const unpriced = PROVIDERS.filter(({ price }) => !isPriced(price)).map(({ name }) => name);
    expect(unpriced.toSorted()).toEqual(['local_disk', 's3_compatible']);
  });
});
