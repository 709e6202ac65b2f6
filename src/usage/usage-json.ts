import type { ProviderRegistry } from '../storage-providers/provider-registry.js';
import type { ProviderPrice } from '../storage-providers/storage-provider.js';
import { isPriced, monthlyCost, type MonthlyUsage } from './monthly-cost.js';
import { PRICE_NOTES } from './price-notes.js';
import { type DoneAmounts, type DoneThere, NOTHING_DONE, type StoredHere } from './usage-reads.service.js';
import type { UsageFacts } from './usage-report.service.js';
import type {
  ConfigUsageDto,
  DoneDto,
  ProviderCostDto,
  StoredDto,
  UsageComparisonDto,
  UsageCostDto,
  UsageDayDto,
  UsageDto,
} from './usage.dto.js';

/* Usage as it is on the wire. */

const MONTH_DAYS = 30;

export function usageJson(facts: UsageFacts): UsageDto {
  const prices = new Map(facts.prices.map(({ provider, price }) => [provider, price]));
  const configs = facts.configs.map((config): ConfigUsageDto => {
    const done = facts.done.get(config.configId);
    const usage = monthOf(config.stored, done, facts.periodDays);
    return {
      cloud_config_id: config.configId,
      provider: config.provider,
      bucket_name: config.bucketName,
      is_active: config.isActive,
      stored: storedJson(config.stored),
      done: doneJson(done),
      cost: costJson(prices.get(config.provider)!, usage),
    };
  });
  return {
    user_id: facts.userId,
    ...facts.period,
    quota_bytes: facts.quotaBytes,
    quota_used_bytes: facts.quotaUsedBytes,
    stored_bytes: sum(configs.map(({ stored }) => stored.total_bytes)),
    configs,
    cost: totalCost(configs.flatMap(({ cost }) => cost ?? [])),
  };
}

export function usageDayJson(done: DoneThere): UsageDayDto {
  const { day, configId, provider } = done;
  return { day, cloud_config_id: configId, provider, ...doneJson(done) };
}

/** What the whole usage of all buckets would cost at each provider. */
export function comparisonJson(facts: UsageFacts, registry: ProviderRegistry): UsageComparisonDto {
  const months = facts.configs.map(({ configId, stored }) =>
    monthOf(stored, facts.done.get(configId), facts.periodDays),
  );
  const usage: MonthlyUsage = {
    storedBytes: sum(months.map(({ storedBytes }) => storedBytes)),
    writes: sum(months.map(({ writes }) => writes)),
    reads: sum(months.map(({ reads }) => reads)),
    egressBytes: sum(months.map(({ egressBytes }) => egressBytes)),
  };
  const active = facts.configs.find(({ isActive }) => isActive)?.provider;
  const data = facts.prices.map(({ provider, price }): ProviderCostDto => ({
    provider,
    label: registry.byName(provider).label,
    is_active: provider === active,
    cost: costJson(price, usage),
    not_in_it: PRICE_NOTES[provider],
  }));
  const usdOf = ({ cost }: ProviderCostDto) => cost?.monthly_usd ?? Infinity;
  data.sort((left, right) => (usdOf(left) === usdOf(right) ? 0 : usdOf(left) - usdOf(right)));
  return { ...facts.period, stored_bytes: usage.storedBytes, data };
}

function monthOf(
  stored: StoredHere,
  { requests, receivedBytes, signedReceivedBytes }: DoneAmounts = NOTHING_DONE,
  periodDays: number,
): MonthlyUsage {
  const months = MONTH_DAYS / periodDays;
  return {
    storedBytes: totalBytes(stored),
    writes: (requests.write + requests.list + requests.signed_write) * months,
    reads: (requests.read + requests.signed_read) * months,
    egressBytes: (receivedBytes + signedReceivedBytes) * months,
  };
}

function costJson(price: ProviderPrice, usage: MonthlyUsage): UsageCostDto | null {
  if (!isPriced(price)) return null;
  const { storageUsd, requestsUsd, egressUsd, totalUsd } = monthlyCost(price, usage);
  return {
    is_estimate: true,
    monthly_usd: totalUsd,
    storage_usd: storageUsd,
    requests_usd: requestsUsd,
    egress_usd: egressUsd,
    prices_as_of: price.asOf,
  };
}

function totalCost(costs: readonly UsageCostDto[]): UsageCostDto | null {
  const [first, ...rest] = costs;
  if (first === undefined) return null;
  return rest.reduce(
    (total, cost): UsageCostDto => ({
      is_estimate: true,
      monthly_usd: added(total.monthly_usd, cost.monthly_usd),
      storage_usd: added(total.storage_usd, cost.storage_usd),
      requests_usd: added(total.requests_usd, cost.requests_usd),
      egress_usd: added(total.egress_usd, cost.egress_usd),
      prices_as_of: total.prices_as_of < cost.prices_as_of ? total.prices_as_of : cost.prices_as_of,
    }),
    first,
  );
}

function storedJson(stored: StoredHere): StoredDto {
  return { ...stored, total_bytes: totalBytes(stored) };
}

function doneJson(done: DoneAmounts = NOTHING_DONE): DoneDto {
  return {
    requests: { ...done.requests },
    sent_bytes: done.sentBytes,
    received_bytes: done.receivedBytes,
    signed_sent_bytes: done.signedSentBytes,
    signed_received_bytes: done.signedReceivedBytes,
  };
}

function totalBytes({ files, trash, versions, repositories }: StoredHere): number {
  return files.bytes + trash.bytes + versions.bytes + repositories.bytes;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Of amounts to a hundredth of a cent. */
function added(left: number, right: number): number {
  return Math.round((left + right) * 10_000) / 10_000;
}
