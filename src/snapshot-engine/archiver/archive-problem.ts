/** Why something of the workspace is not, or not exactly, in the snapshot. */
export const PROBLEM_REASONS = [
  'unreadable',
  'vanished',
  'changed_while_read',
  'ignore_file_too_large',
] as const;

export type ProblemReason = (typeof PROBLEM_REASONS)[number];

/** One problem makes a snapshot partial. */
export interface ArchiveProblem {
  /** For humans; bytes that are not UTF-8 are replaced. */
  readonly path: string;
  readonly pathBytes: Buffer;
  readonly reason: ProblemReason;
  /** E.g. `EACCES`. */
  readonly systemCode: string | undefined;
}

/** More are counted and not named. */
export const MAX_NAMED_PROBLEMS = 1_000;
