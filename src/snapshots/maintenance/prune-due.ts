/** What tells whether a prune is worth its requests. */
export interface PruneFacts {
  readonly snapshots: number;
  /** No run will follow. */
  readonly isWorkspaceDeleted: boolean;
  /** Or since when there is a repository. */
  readonly lastPrunedAtMs: number;
  /** Index files that agents were given orders for since; every run that stored something made one. */
  readonly newIndexFiles: number;
  /** Snapshots were forgotten since. */
  readonly hasGarbage: boolean;
  /** Packs that wait for their deletion, and for how long the oldest of them has. */
  readonly oldestDoomedMs: number | undefined;
}

const HOUR_MS = 3_600_000;
export const PRUNE_EVERY_MS = 24 * HOUR_MS;
/** A few thousand small index files make every agent's start slow: with snapshots every 30 s they are merged six times a day. */
export const MAX_NEW_INDEX_FILES = 500;
/** Pieces of the garbage that is due are deleted this often. */
const DELETE_EVERY_MS = 4 * HOUR_MS;

/**
 * Pure: whether a prune is due. A repository without a snapshot is left alone, because its first run, of any length, may
 * be under way.
 */
export function isPruneDue(facts: PruneFacts, nowMs: number, graceMs: number): boolean {
  if (facts.snapshots === 0 && !facts.isWorkspaceDeleted) return false;
  const { newIndexFiles, hasGarbage, oldestDoomedMs } = facts;
  if (newIndexFiles >= MAX_NEW_INDEX_FILES) return true;
  const sinceMs = nowMs - facts.lastPrunedAtMs;
  const canDelete = oldestDoomedMs !== undefined && nowMs - oldestDoomedMs >= graceMs;
  if (canDelete && sinceMs >= DELETE_EVERY_MS) return true;
  return sinceMs >= PRUNE_EVERY_MS && (hasGarbage || newIndexFiles > 1);
}
