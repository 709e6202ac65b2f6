import type { CloudStorages } from '../credentials/cloud-storages.service.js';
import type { BucketEpochs } from './epoch/bucket-epochs.js';
import type { RestingBuckets } from './resting-buckets.js';

/** A row whose object may go, and who may open its bucket. */
interface OwnedRow {
  readonly user_id: number;
  readonly cloud_config_id: number;
}

interface TrustedBucketsDeps {
  readonly storages: Pick<CloudStorages, 'byConfigId'>;
  readonly epochs: Pick<BucketEpochs, 'assertCurrent'>;
  readonly signal: AbortSignal | undefined;
  readonly onFailure: (configId: number, error: unknown) => void;
}

/** Buckets that do not answer take a minute each. */
const ASKED_AT_ONCE = 8;

/**
 * Asks the buckets of these rows whether the rows count; one that cannot be asked, or that knows of a newer database,
 * rests from then on.
 * @returns configurations in whose buckets may be deleted now
 * @throws only the reason of the signal
 */
export async function trustedBuckets(
  rows: Iterable<OwnedRow>,
  resting: RestingBuckets,
  { storages, epochs, signal, onFailure }: TrustedBucketsDeps,
): Promise<ReadonlySet<number>> {
  const owners = new Map<number, number>();
  for (const { cloud_config_id: configId, user_id: userId } of rows) owners.set(configId, userId);
  const trusted = new Set<number>();
  const waiting = owners.entries();
  const work = async () => {
    for (const [configId, userId] of waiting) {
      signal?.throwIfAborted();
      if (resting.has(configId)) continue;
      try {
        await epochs.assertCurrent(await storages.byConfigId(userId, configId), signal);
        trusted.add(configId);
      } catch (error) {
        signal?.throwIfAborted();
        resting.rest(configId, error);
        onFailure(configId, error);
      }
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, work));
  return trusted;
}
