import { applyKeepPolicy, type KeepCandidate, type KeepDecision, type KeepPolicy } from './keep-policy.js';

/** What a run of `forget` would do to one group of snapshots; shown before a new policy takes effect. */
export interface ForgetPreview {
  /** Newest first. */
  readonly decisions: readonly KeepDecision[];
  readonly keep: readonly string[];
  /** Goes now. */
  readonly forget: readonly string[];
  /** No rule keeps these either, but a run forgets at most half of a group unless that was confirmed. */
  readonly deferred: readonly string[];
}

export interface ForgetPlanOptions {
  readonly nowMs: number;
  /** A human has seen the preview: the half does not bind. */
  readonly confirmed?: boolean;
}

/** Of a group, at most this part is forgotten in one run. */
export const MAX_FORGOTTEN_SHARE = 0.5;

/**
 * Pure. A mistake in a policy, or in its editor, costs at most half of a group before somebody can look; and what goes
 * first is what is closest in time to a newer snapshot.
 */
export function planForget(
  snapshots: readonly KeepCandidate[],
  policy: KeepPolicy,
  { nowMs, confirmed = false }: ForgetPlanOptions,
): ForgetPreview {
  const decisions = applyKeepPolicy(snapshots, policy, nowMs);
  const keep = decisions.filter(({ reasons }) => reasons.length > 0).map(({ id }) => id);
  const unwanted = decisions.filter(({ reasons }) => reasons.length === 0).map(({ id }) => id);
  const limit = confirmed ? unwanted.length : Math.floor(snapshots.length * MAX_FORGOTTEN_SHARE);
  if (unwanted.length <= limit) return { decisions, keep, forget: unwanted, deferred: [] };
  const closest = byGap(unwanted, decisions, snapshots);
  return { decisions, keep, forget: closest.slice(0, limit), deferred: closest.slice(limit) };
}

/** Smallest gap to the next newer snapshot first; of equal ones the newer. */
function byGap(
  ids: readonly string[],
  decisions: readonly KeepDecision[],
  snapshots: readonly KeepCandidate[],
): string[] {
  const receivedAtMs = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot.receivedAtMs]));
  const gaps = new Map<string, number>();
  let newerMs = Infinity;
  for (const { id } of decisions) {
    const timeMs = receivedAtMs.get(id)!;
    gaps.set(id, newerMs - timeMs);
    newerMs = timeMs;
  }
  return [...ids].sort(
    (left, right) => gaps.get(left)! - gaps.get(right)! || receivedAtMs.get(right)! - receivedAtMs.get(left)!,
  );
}
