import type { ProviderPrice } from '../../storage-providers/storage-provider.js';
import type { CostEstimateDto } from './workspace.dto.js';

export interface CostFacts {
  readonly storedBytes: number;
  /** By runs. */
  readonly providerRequests: number;
  /** By thinning out, prunes, checks and drills. */
  readonly maintenanceRequests: number;
  /** In which they were made. */
  readonly periodMs: number;
}

const GB = 1e9;
const MONTH_MS = 30 * 86_400_000;
/** What happened in a shorter time tells nothing about a month: it counts as if it had taken this long. */
const MIN_PERIOD_MS = 3_600_000;

/** What a workspace costs in a month that goes on as it did so far, by the provider's list price. */
export function estimateCost(price: ProviderPrice, facts: CostFacts): CostEstimateDto {
  const requests = facts.providerRequests + facts.maintenanceRequests;
  const monthlyRequests = requests * (MONTH_MS / Math.max(facts.periodMs, MIN_PERIOD_MS));
  const storageUsd = (facts.storedBytes / GB) * price.storageUsdPerGbMonth;
  const requestsUsd = (monthlyRequests / 1_000) * price.writeUsdPer1000;
  return {
    is_estimate: true,
    monthly_usd: cents(storageUsd + requestsUsd),
    storage_usd: cents(storageUsd),
    requests_usd: cents(requestsUsd),
    prices_as_of: price.asOf,
    basis: 'By list prices: all requests are taken for writes, free allowances are left out.',
  };
}

/** To a hundredth of a cent: a small workspace costs less than a cent. */
function cents(usd: number): number {
  return Math.round(usd * 10_000) / 10_000;
}
