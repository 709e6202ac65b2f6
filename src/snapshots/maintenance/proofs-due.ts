/** What tells whether packs that nobody has read are worth their requests now. */
export interface ProofFacts {
  /** Of a former agent, or such as have disappointed a reader. */
  readonly suspects: number;
  /** Since when there is a pack whose copies of what lies elsewhere were not read. */
  readonly oldestUnreadMs: number | undefined;
}

/** Every look loads the index. Until then readers find the other copy, and no prune relies on one that it has not read. */
export const READ_COPIES_EVERY_MS = 6 * 3_600_000;

/** Pure. */
export function areProofsDue({ suspects, oldestUnreadMs }: ProofFacts, nowMs: number): boolean {
  if (suspects > 0) return true;
  return oldestUnreadMs !== undefined && nowMs - oldestUnreadMs >= READ_COPIES_EVERY_MS;
}
