import type { ProviderPrice } from '../storage-providers/storage-provider.js';

/** What a month is made of, for a bill. */
export interface MonthlyUsage {
  /** As much as is stored all month. */
  readonly storedBytes: number;
  /** Billed as writes: listings too. */
  readonly writes: number;
  readonly reads: number;
  /** Out of the provider's network. */
  readonly egressBytes: number;
}

/** In US dollars, to a hundredth of a cent; the total is the sum of the rounded parts. */
export interface MonthlyCost {
  readonly storageUsd: number;
  readonly requestsUsd: number;
  readonly egressUsd: number;
  readonly totalUsd: number;
}

/** Providers sell by powers of ten. */
const GB = 1e9;

/** By list prices, from the first byte and request on: free allowances and minimum charges are left out. */
export function monthlyCost(price: ProviderPrice, usage: MonthlyUsage): MonthlyCost {
  const { storedBytes, writes, reads, egressBytes } = usage;
  const storageUsd = rounded((storedBytes / GB) * price.storageUsdPerGbMonth);
  const requestsUsd = rounded(
    (writes / 1_000) * price.writeUsdPer1000 + (reads / 1_000) * price.readUsdPer1000,
  );
  const egressUsd = rounded((egressBytes / GB) * price.egressUsdPerGb);
  return { storageUsd, requestsUsd, egressUsd, totalUsd: rounded(storageUsd + requestsUsd + egressUsd) };
}

/** Whether there is a price at all: for a store of one's own, only its operator can say what it costs. */
export function isPriced(price: ProviderPrice): boolean {
  const { storageUsdPerGbMonth, egressUsdPerGb, writeUsdPer1000, readUsdPer1000 } = price;
  return storageUsdPerGbMonth + egressUsdPerGb + writeUsdPer1000 + readUsdPer1000 > 0;
}

/** Without the last digits of binary fractions, which turn 0.00005 the wrong way. */
function rounded(usd: number): number {
  return Math.round(Number((usd * 10_000).toFixed(6))) / 10_000;
}
