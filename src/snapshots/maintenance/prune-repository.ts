import { prune, type DoomedPacks, type RepositoryLock } from '../../snapshot-engine/index.js';
import type { MaintenanceLease } from './maintenance-leases.service.js';
import type { CountedRepository } from './repository-access.service.js';
import { deleteStoredRows, forgetStaleOrders } from './stored-rows.js';

const HOUR_MS = 3_600_000;
/**
 * What an agent's run may take from its first look at the index to its commit; longer ones are repeated, with what they
 * stored found again. Signed URLs live for a quarter of an hour; a request may take as long again.
 */
const SLOWEST_WRITER = { maxSessionMs: 12 * HOUR_MS, maxRequestMs: HOUR_MS };
/** From the doom of a pack to its deletion, at least: what the engine makes of the above. */
export const GRACE_MS = 24 * HOUR_MS;
/** Orders that were never carried out are forgotten after so long; until then an agent may still be at it. */
const STALE_ORDER_MS = 48 * HOUR_MS;

export interface PruneOutcome {
  readonly doomed: number;
  readonly deleted: number;
  /** Doomed packs that were not deleted yet. */
  readonly waiting: number;
  readonly storedBytes: number;
}

export interface PruneTools {
  readonly lock: Pick<RepositoryLock, 'ids' | 'assertHeld'>;
  readonly doomed: DoomedPacks;
  readonly now: () => number;
}

/** Prunes in two phases, then lets the rows agree with what is in the bucket. */
export async function pruneRepository(
  lease: MaintenanceLease,
  { repository, files }: CountedRepository,
  tools: PruneTools,
): Promise<PruneOutcome> {
  const { signal, repositoryId } = lease;
  const startedMs = tools.now();
  const { cipher } = repository;
  const result = await prune({ files, cipher }, { ...tools, slowestWriter: SLOWEST_WRITER, signal });
  const present: string[] = [];
  let storedBytes = 0;
  for await (const { id, sizeBytes } of files.list('pack', { signal })) {
    present.push(id);
    storedBytes += sizeBytes;
  }
  for await (const { id } of files.list('index', { signal })) present.push(id);
  await lease.transaction(async (manager) => {
    await forgetStaleOrders(manager, repositoryId, present, new Date(startedMs - STALE_ORDER_MS));
    await deleteStoredRows(manager, repositoryId, result.removedIndexes);
    await manager.query(PRUNED, [repositoryId, storedBytes, new Date(startedMs)]);
  });
  const { doomed, deleted, waiting } = result;
  return { doomed: doomed.length, deleted: deleted.length, waiting, storedBytes };
}

const PRUNED = `UPDATE repositories SET last_pruned_at = $3, has_garbage = false, stored_bytes = $2 WHERE id = $1`;
