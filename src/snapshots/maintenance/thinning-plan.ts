import { planForget, type KeepPolicy } from '../../snapshot-engine/index.js';

/** A snapshot as its row tells it. */
export interface ThinnedSnapshot {
  /** Of the row. */
  readonly id: string;
  /** When the server received it. */
  readonly receivedAtMs: number;
  readonly tags: readonly string[];
  /** Protected by a user, on its way back to a host, or not in the bucket yet. */
  readonly mustStay: boolean;
}

export interface ThinningPlan {
  /** Rows of what goes now. */
  readonly forget: readonly string[];
  /** Unwanted as well, but one run takes at most half of a workspace's snapshots. */
  readonly deferred: number;
}

/** Pure: what of one workspace's snapshots no rule wants any more. The newest always stays. */
export function planThinning(
  snapshots: readonly ThinnedSnapshot[],
  policy: KeepPolicy,
  nowMs: number,
): ThinningPlan {
  const candidates = snapshots.map(({ mustStay, ...snapshot }) => ({ ...snapshot, protected: mustStay }));
  const { forget, deferred } = planForget(candidates, policy, { nowMs });
  return { forget, deferred: deferred.length };
}
