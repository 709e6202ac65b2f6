import type { ProviderPrice } from '../storage-providers/storage-provider.js';

/** What is to be moved out of one bucket. */
export interface Cargo {
  /** Objects: files with the trash, and kept versions. */
  readonly objects: number;
  readonly bytes: number;
  readonly price: ProviderPrice;
}

export interface MoveEstimate {
  readonly objects: number;
  readonly bytes: number;
  /** At the source: one read of each object. */
  readonly readRequests: number;
  /** At the target: a write and a look at each object; large ones take some more. */
  readonly writeRequests: number;
  readonly egressUsd: number;
  readonly requestsUsd: number;
  readonly totalUsd: number;
  readonly durationSeconds: number;
}

const GB = 1e9;
/** What one server moves through itself: a guess that real lines and stores fall short of or exceed. */
const BYTES_PER_SECOND = 25e6;
/** Of one object, however small. */
const OBJECT_SECONDS = 0.2;
/** Parts of a large object. */
const PART_BYTES = 1e9;

/**
 * What moving costs once, by list prices and without free allowances.
 * @param atOnce objects that are copied at the same time
 */
export function estimateMove(cargo: readonly Cargo[], target: ProviderPrice, atOnce: number): MoveEstimate {
  const objects = sum(cargo, (one) => one.objects);
  const bytes = sum(cargo, (one) => one.bytes);
  const writeRequests = objects + Math.floor(bytes / PART_BYTES);
  const egressUsd = cents(sum(cargo, (one) => (one.bytes / GB) * one.price.egressUsdPerGb));
  const readsUsd = sum(cargo, (one) => (one.objects / 1_000) * one.price.readUsdPer1000);
  const writesUsd =
    (writeRequests / 1_000) * target.writeUsdPer1000 + (objects / 1_000) * target.readUsdPer1000;
  const requestsUsd = cents(readsUsd + writesUsd);
  const durationSeconds = Math.ceil(Math.max(bytes / BYTES_PER_SECOND, (objects * OBJECT_SECONDS) / atOnce));
  const totalUsd = cents(egressUsd + requestsUsd);
  return {
    objects,
    bytes,
    readRequests: objects,
    writeRequests,
    egressUsd,
    requestsUsd,
    totalUsd,
    durationSeconds,
  };
}

function sum(cargo: readonly Cargo[], amountOf: (one: Cargo) => number): number {
  return cargo.reduce((total, one) => total + amountOf(one), 0);
}

/** To a hundredth of a cent. */
function cents(usd: number): number {
  return Math.round(Number((usd * 10_000).toFixed(6))) / 10_000;
}
