import type { CheckResult } from '../../snapshot-engine/index.js';

/** What users are told of a check; the wire's own names. */
export interface CheckReport {
  readonly snapshots: number;
  readonly packs: number;
  readonly packs_read: number;
  readonly bytes_read: number;
  readonly error_count: number;
  readonly problem_count: number;
  readonly problems: readonly { readonly code: string; readonly subject: string; readonly message: string }[];
  /** Paths that cannot be restored as they were. */
  readonly affected_paths: readonly { readonly snapshot: string; readonly path: string }[];
}

/** More are in the repository and not in the report. */
export const MAX_REPORTED = 20;

/** Pure: errors come before warnings. */
export function checkReport(result: CheckResult): CheckReport {
  const { problems, affected } = result;
  const ordered = [...problems].sort((left, right) => rank(left.severity) - rank(right.severity));
  return {
    snapshots: result.snapshots,
    packs: result.packs,
    packs_read: result.packsRead,
    bytes_read: result.bytesRead,
    error_count: result.errorCount,
    problem_count: result.problemCount,
    problems: ordered
      .slice(0, MAX_REPORTED)
      .map(({ code, subject, message }) => ({ code, subject, message })),
    affected_paths: affected
      .slice(0, MAX_REPORTED)
      .map(({ snapshotId, path }) => ({ snapshot: snapshotId, path })),
  };
}

/** Whether bytes in packs were other than they must be, which only those find who read them. */
export function hasDamagedData({ problems }: CheckResult): boolean {
  return problems.some(({ code, severity }) => severity === 'error' && DATA_CODES.has(code));
}

const DATA_CODES: ReadonlySet<string> = new Set(['pack_damaged', 'blob_damaged']);

/** Null: nothing is lost, whatever looks unusual. */
export function checkSentence({ error_count: errors, problems }: CheckReport): string | null {
  const [first] = problems;
  if (errors === 0 || first === undefined) return null;
  const more = errors > 1 ? ` ${errors - 1} more ${errors === 2 ? 'error was' : 'errors were'} found.` : '';
  return `${first.message}${more}`;
}

function rank(severity: 'error' | 'warning'): number {
  return severity === 'error' ? 0 : 1;
}
