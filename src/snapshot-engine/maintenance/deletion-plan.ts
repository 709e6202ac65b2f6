/** A pack that was found unreachable, and when. */
export interface DoomedPack {
  readonly id: string;
  /** Milliseconds since the epoch, by the clock of whoever doomed it. */
  readonly sinceMs: number;
  /** Which prune it was, counted over the life of the repository. */
  readonly generation: number;
}

export interface DeletionLimits {
  /** From the doom to the deletion, at least. */
  readonly graceMs: number;
  /** Of all packs, at most this part is deleted in one run; one pack always may be. */
  readonly maxDeletedShare: number;
}

const HOUR_MS = 3_600_000;

/** The shortest grace period. */
export const MIN_GRACE_MS = 24 * HOUR_MS;

export const MAX_DELETED_SHARE = 0.05;

/** Clocks are trusted as far as this; more is a doubt, and nothing is removed. */
export const MAX_CLOCK_SKEW_MS = 300_000;

export interface SlowestWriter {
  /** From the first look at the index to the commit of the snapshot. */
  readonly maxSessionMs: number;
  /** How long a request that was sent, or a signed URL that was given out, can still take effect. */
  readonly maxRequestMs: number;
}

/** A grace period that outlasts every writer: whatever was begun before a doom has been committed, or refused. */
export function gracePeriodMs({ maxSessionMs, maxRequestMs }: SlowestWriter): number {
  return Math.max(MIN_GRACE_MS, 2 * maxRequestMs + maxSessionMs + 2 * MAX_CLOCK_SKEW_MS);
}

/**
 * Pure: which packs are deleted now, oldest doom first. `spared`: a snapshot needs the pack again, or an index names
 * it; such a pack is never deleted.
 */
export function planDeletions(
  doomed: readonly DoomedPack[],
  state: {
    readonly nowMs: number;
    readonly packCount: number;
    readonly spared: (packId: string) => boolean;
  },
  { graceMs, maxDeletedShare }: DeletionLimits,
): string[] {
  const limit = Math.max(1, Math.floor(state.packCount * maxDeletedShare));
  return doomed
    .filter(({ id, sinceMs }) => state.nowMs - sinceMs >= graceMs && !state.spared(id))
    .sort((left, right) => left.sinceMs - right.sinceMs || (left.id < right.id ? -1 : 1))
    .slice(0, limit)
    .map(({ id }) => id);
}
