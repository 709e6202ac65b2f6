import type { CommitRequest, RunSummary } from '../agent-protocol/messages.js';
import { MAX_COMMIT_FILES } from '../agent-protocol/protocol.js';
import { VERSION } from '../config/version.js';
import { encodeSnapshot, isSha256Hex } from '../snapshot-engine/index.js';
import { commitRefused } from './repositories-error.js';

/** A run is believed to have lasted this long at most. */
const MAX_RUN_MS = 6 * 3_600_000;
const NS_PER_MS = 1_000_000n;

/** What the server itself knows of a commit. */
export interface CommitContext {
  readonly workspaceId: string;
  /** Absolute, on the agent's host. */
  readonly path: string;
  /** When the commit arrived, by the database's clock; milliseconds since the epoch. */
  readonly receivedMs: number;
}

/** When the run began, by the server's clock: a host's own clock is not believed. */
export function startedMs({ receivedMs }: CommitContext, { started_ms_ago }: CommitRequest): number {
  return receivedMs - Math.min(Math.max(0, started_ms_ago), MAX_RUN_MS);
}

/** The plaintext of the snapshot file: all that it says of time, place and program is the server's word. */
export function snapshotOf(context: CommitContext, request: CommitRequest): Buffer {
  const { workspaceId, path, receivedMs } = context;
  const { tree, parent, hostname, username, excludes, summary, problem_count } = request;
  const receivedNs = BigInt(receivedMs) * NS_PER_MS;
  return encodeSnapshot({
    timeNs: receivedNs,
    parent: parent ?? undefined,
    tree,
    paths: [path],
    hostname,
    username,
    excludes,
    tags: ['stowage', `workspace:${workspaceId}`, ...(problem_count > 0 ? ['partial'] : [])],
    programVersion: `stowage ${VERSION}`,
    summary: {
      backupStartNs: BigInt(startedMs(context, request)) * NS_PER_MS,
      backupEndNs: receivedNs,
      filesNew: summary.files_new,
      filesChanged: summary.files_changed,
      filesUnmodified: summary.files_unmodified,
      dirsNew: summary.dirs_new,
      dirsChanged: summary.dirs_changed,
      dirsUnmodified: summary.dirs_unmodified,
      dataBlobs: summary.data_blobs,
      treeBlobs: summary.tree_blobs,
      dataAddedBytes: summary.data_added,
      dataAddedPackedBytes: summary.data_added_packed,
      totalFilesProcessed: summary.total_files_processed,
      totalBytesProcessed: summary.total_bytes_processed,
    },
  });
}

export function directoriesIn({ dirs_new, dirs_changed, dirs_unmodified }: RunSummary): number {
  return dirs_new + dirs_changed + dirs_unmodified;
}

/**
 * The shape that the fence relies on, whoever called it.
 * @throws RepositoriesError `commit_refused`
 */
export function assertCommit(request: CommitRequest): void {
  const { files, tree, parent, summary, started_ms_ago, problem_count, requests, generation } = request;
  if (files.length > MAX_COMMIT_FILES)
    throw commitRefused(`it names more than ${MAX_COMMIT_FILES} files at once`);
  const ids = [...files, tree, ...(parent === null ? [] : [parent])];
  if (!ids.every(isSha256Hex)) throw commitRefused('its files, tree and parent are named by 64 hex digits');
  const counts = [...Object.values<number>({ ...summary }), problem_count, requests, generation];
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0) || Number.isNaN(started_ms_ago))
    throw commitRefused('its counts are no counts');
}
