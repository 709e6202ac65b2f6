import { describe, expect, it } from '@jest/globals';
import { estimateCost } from './cost-estimate.js';
import { restorabilitySentence } from './restorability.js';

const DAY_MS = 86_400_000;
const PRICE = {
  storageUsdPerGbMonth: 0.02,
  egressUsdPerGb: 0.09,
  writeUsdPer1000: 0.005,
  readUsdPer1000: 0.0004,
  asOf: '2026-11-01',
};

describe('the estimated cost', () => {
  it('is that of a month like the time so far, with the date of its prices', () => {
    const facts = {
      storedBytes: 50e9,
      providerRequests: 9_000,
      maintenanceRequests: 1_000,
      periodMs: 3 * DAY_MS,
    };
    expect(estimateCost(PRICE, facts)).toMatchObject({
      is_estimate: true,
      storage_usd: 1,
      requests_usd: 0.5,
      monthly_usd: 1.5,
      prices_as_of: '2026-11-01',
    });
  });

  it('does not take the first minutes for a month', () => {
    const facts = { storedBytes: 0, providerRequests: 10, maintenanceRequests: 0, periodMs: 0 };
    expect(estimateCost(PRICE, facts).monthly_usd).toBe(0.036);
  });
});

describe('the proof of restorability', () => {
  it.each([
    [undefined, /^Never proven/],
    [3 * 3_600_000, /^A snapshot was restored and every hash compared 3 hours ago\.$/],
    [30 * DAY_MS, /^A snapshot/],
    [31 * DAY_MS, /^Not proven for more than 30 days: a snapshot .* 31 days ago\. Start a drill\.$/],
  ])('of %s ms ago', (ageMs, sentence) => {
    const now = 1e12;
    expect(restorabilitySentence(ageMs === undefined ? undefined : now - ageMs, now)).toMatch(sentence);
  });
});
