import type {
  NamedProblem,
  RestorePlan,
  RestoreProgress,
  RestoreReport,
} from '../../agent-protocol/messages.js';
import { MAX_NAMED_PROBLEMS } from '../../agent-protocol/protocol.js';
import type { Progress, RestoreResult as Restored } from '../../snapshot-engine/index.js';
import { codeOf, sentenceOf } from '../agent-error.js';
import { shortened } from '../workspaces/commit-request.js';

const MAX_DETAIL_LENGTH = 1_000;

export function planOf(summary: Restored['summary']): RestorePlan {
  const { create, overwrite, keep, bytesToWrite, bytesToFetch } = summary;
  return { create, overwrite, delete: summary.delete, keep, bytes: bytesToWrite, fetch_bytes: bytesToFetch };
}

export function progressOf(progress: Progress): RestoreProgress {
  const { filesDone, filesTotal, bytesDone, bytesTotal, currentFile, bytesPerSecond, remainingMs } = progress;
  return {
    files_done: filesDone,
    files_total: filesTotal ?? filesDone,
    bytes_done: bytesDone,
    bytes_total: bytesTotal ?? bytesDone,
    ...(currentFile !== undefined && { current_path: shortened(currentFile) }),
    bytes_per_second: Math.round(bytesPerSecond),
    ...(remainingMs !== undefined && { remaining_ms: Math.round(remainingMs) }),
  };
}

export function finishedRestore(restoreId: string, restored: Restored, durationMs: number): RestoreReport {
  const { failed, refused, filesRestored, summary } = restored;
  return {
    restore_id: restoreId,
    state: failed.length + refused.length > 0 ? 'partial' : 'succeeded',
    plan: planOf(summary),
    result: {
      files: filesRestored,
      bytes: summary.bytesToWrite,
      // The engine renames a file into place only when every blob of it had its hash.
      verified: failed.length === 0,
      duration_ms: Math.round(durationMs),
      failed: named(failed.map(({ path, message }) => ({ path, reason: message }))),
      failed_count: failed.length,
      refused: named(refused),
      refused_count: refused.length,
    },
  };
}

export function endedRestore(restoreId: string, error: unknown): RestoreReport {
  const code = codeOf(error) ?? 'internal_error';
  const detail = sentenceOf(error).slice(0, MAX_DETAIL_LENGTH);
  return { restore_id: restoreId, state: 'failed', code, detail };
}

/** Paths are raw bytes, one character each. */
function named(entries: readonly NamedProblem[]): NamedProblem[] {
  return entries.slice(0, MAX_NAMED_PROBLEMS).map(({ path, reason }) => ({
    path: shortened(Buffer.from(path, 'latin1').toString()),
    reason: reason.slice(0, MAX_DETAIL_LENGTH),
  }));
}
