/** What stands in the repository's row: a sentence, and in which share of the content its cause was found. */
export interface StandingProblem {
  readonly problem: string | null;
  /** Null: not in the content; ALL_SHARES: found when all of it was read. */
  readonly share: number | null;
}

export interface CheckFinding {
  /** Null: nothing is lost. */
  readonly sentence: string | null;
  readonly hasDamagedData: boolean;
  /** Which part of the content was read. */
  readonly read: 'none' | 'all' | { readonly share: number };
}

export const ALL_SHARES = -1;

/**
 * Pure. A check that finds nothing proves nothing about what it did not read: damage that was found in a share stays
 * until that share, or everything, was read again without a finding.
 */
export function checkVerdict(
  standing: StandingProblem,
  { sentence, hasDamagedData, read }: CheckFinding,
): StandingProblem {
  if (sentence !== null) {
    return { problem: sentence, share: hasDamagedData ? shareOf(read) : standing.share };
  }
  const readAgain = standing.share === null || read === 'all' || shareOf(read) === standing.share;
  return readAgain ? { problem: null, share: null } : standing;
}

function shareOf(read: CheckFinding['read']): number | null {
  if (typeof read === 'object') return read.share;
  return read === 'all' ? ALL_SHARES : null;
}
