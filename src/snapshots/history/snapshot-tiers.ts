import {
  applyKeepPolicy,
  type KeepCandidate,
  type KeepPolicy,
  type KeepReason,
} from '../../snapshot-engine/index.js';

/**
 * Why each snapshot stays, newest first, as badges; without one, the next thinning removes it.
 * @param snapshots all of a workspace
 */
export function snapshotTiers(
  snapshots: readonly KeepCandidate[],
  policy: KeepPolicy,
  nowMs: number,
): ReadonlyMap<string, string[]> {
  const decisions = applyKeepPolicy(snapshots, policy, nowMs);
  return new Map(decisions.map(({ id, reasons }) => [id, [...new Set(reasons.map(badgeOf))]]));
}

/** `oldest within fiveMinutely` is `five_minutely`, `no rule` is `no_rule`. */
function badgeOf(reason: KeepReason): string {
  const tier = reason.replace(/^oldest /, '').replace(/^within (?=.)/, '');
  return tier.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`).replace(' ', '_');
}
