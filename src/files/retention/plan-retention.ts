const DAY_MS = 24 * 3_600_000;

/** Of a user's files at most this share goes into the trash in one run without being asked for. */
export const MAX_SHARE = 0.2;

/** So few go whatever share they are: they can all be taken back. */
export const ALWAYS_ALLOWED_FILES = 100;

/** One run puts no more into the trash; the rest waits for the next. */
export const MAX_PER_RUN = 100_000;

/** What is too old by a cutoff, protected files apart. */
export interface AgedFiles {
  readonly files: number;
  readonly bytes: number;
  /** All files of the user that are not in the trash. */
  readonly allFiles: number;
}

/** What somebody has agreed to. */
export interface ConfirmedPlan {
  readonly files: number;
  readonly cutoffMs: number;
}

export type RetentionPlan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'trash'; readonly cutoffMs: number; readonly mostFiles: number }
  /** More than goes unasked. */
  | { readonly kind: 'ask'; readonly files: number; readonly bytes: number; readonly cutoffMs: number };

/** Files that were uploaded before this are too old. */
export function cutoffOf(retentionDays: number, nowMs: number): number {
  return nowMs - retentionDays * DAY_MS;
}

/** As many of so many files may go unasked in one run. */
export function allowedFiles(allFiles: number): number {
  return Math.max(ALWAYS_ALLOWED_FILES, Math.floor(allFiles * MAX_SHARE));
}

/**
 * What one run does.
 * @param aged by the confirmed cutoff if there is one that still holds, otherwise by `cutoffMs`
 * @param confirmed counts only while no more files are concerned than were confirmed, and while the settings would
 *   take them, too
 */
export function planRetention(
  aged: AgedFiles,
  cutoffMs: number,
  confirmed: ConfirmedPlan | undefined,
): RetentionPlan {
  if (aged.files === 0) return { kind: 'nothing' };
  const holds = confirmed !== undefined && confirmed.cutoffMs <= cutoffMs && aged.files <= confirmed.files;
  if (holds) {
    const mostFiles = Math.min(confirmed.files, MAX_PER_RUN);
    return { kind: 'trash', cutoffMs: confirmed.cutoffMs, mostFiles };
  }
  const allowed = allowedFiles(aged.allFiles);
  if (aged.files > allowed) return { kind: 'ask', files: aged.files, bytes: aged.bytes, cutoffMs };
  return { kind: 'trash', cutoffMs, mostFiles: allowed };
}
