/*
 * The engine's only door. Worker threads run engine-worker.ts.
 */
export {
  archive,
  type ArchiveOptions,
  type ArchiveSettings,
  type SnapshotOrigin,
} from './archiver/archive.js';
export {
  DEFAULT_EXCLUDES,
  DEFAULT_POLICY,
  IGNORE_FILE,
  type ArchivePolicy,
} from './archiver/archive-policy.js';
export { type ArchiveProblem, type ProblemReason } from './archiver/archive-problem.js';
export { type ArchiveResult, type ArchiveStatus } from './archiver/archive-result.js';
export { type ArchiveTarget, type CommitFacts } from './archiver/archive-target.js';
export { type ChangeWatcher, type OpenWatcher, type TakenChanges } from './archiver/change-watcher.js';
export { InotifyWatcher } from './archiver/inotify-watcher.js';
export {
  planArchive,
  type ArchivePlan,
  type ExcludedEntry,
  type ExcludeReason,
  type PlanArchiveOptions,
} from './archiver/plan-archive.js';
export { archiveTarget, type CommitSnapshot } from './archiver/repository-target.js';
export {
  WorkspaceArchiver,
  type FullWalkReason,
  type WorkspaceArchiverOptions,
  type WorkspaceResult,
} from './archiver/workspace-archiver.js';
export { type SnapshotChange } from './browser/diff-trees.js';
export { type ByteRange } from './browser/file-stream.js';
export { type FileVersion, type FileVersions } from './browser/file-versions.js';
export { type DirectoryPage } from './browser/list-directory.js';
export { type ChangeKind } from './browser/node-changes.js';
export { type FoundEntry, SnapshotBrowser } from './browser/snapshot-browser.js';
export { parseSnapshotPath, showPath, type SnapshotPath } from './browser/snapshot-path.js';
export { BlobIndex } from './blob-index/blob-index.js';
export { type ChunkerKind } from './chunker/chunker.js';
export { isSha256Hex } from './crypto/sha256-hex.js';
export {
  isRepositoryError,
  REPOSITORY_ERROR_CODES,
  RepositoryError,
  type RepositoryErrorCode,
} from './errors/repository-error.js';
export {
  checkRepository,
  type CheckedRepository,
  type CheckOptions,
  type CheckResult,
} from './maintenance/check.js';
export { CommitCheck, type Commit } from './maintenance/commit-check.js';
export { DoomedPacksInBucket, type DoomedPacks } from './maintenance/doomed-packs.js';
export { planForget, type ForgetPreview } from './maintenance/forget-plan.js';
export { forgetSnapshots, type ForgetOptions, type ForgetResult } from './maintenance/forget.js';
export { GENEROUS_KEEP_POLICY, WORKSPACE_KEEP_POLICY } from './maintenance/keep-policies.js';
export {
  applyKeepPolicy,
  type KeepCandidate,
  type KeepDecision,
  type KeepDuration,
  type KeepPolicy,
  type KeepReason,
} from './maintenance/keep-policy.js';
export { KEEP_TIERS, type KeepTier } from './maintenance/keep-tiers.js';
export { prune, type PruneOptions, type PruneResult } from './maintenance/prune.js';
export { repairIndex, type RepairIndexOptions, type RepairIndexResult } from './maintenance/repair-index.js';
export {
  strikeFalsePacks,
  type StrikeOptions,
  type StrikeResult,
  type StruckPack,
} from './maintenance/strike-packs.js';
export { type Progress, type ProgressListener } from './progress/progress.js';
export { startRun, type Run } from './progress/run.js';
export { type BadPack } from './repository/bad-packs.js';
export { inParallel } from './repository/in-parallel.js';
export { openIndexFile } from './repository/index-files.js';
export { ObjectRepositoryFiles } from './repository/object-repository-files.js';
export { type RepositoryFileKind, type RepositoryFiles } from './repository/repository-files.js';
export { type CreateOptions } from './repository/create-repository.js';
export { type OpenOptions } from './repository/open-repository.js';
export { acquireLock, removeStaleLocks, RepositoryLock, withLock } from './repository/locks.js';
export { Repository } from './repository/repository.js';
export { type RepositoryGrant } from './repository/repository-grant.js';
export { fileName } from './repository/repository-layout.js';
export { type SealedFile } from './repository/sealed-files.js';
export { type RestoreOptions } from './restorer/restore-options.js';
export {
  planRestore,
  restoreSnapshot,
  type RestoreResult,
  type RestoreRun,
} from './restorer/restore-snapshot.js';
export { type Node } from './snapshot/node.js';
export { decodeSnapshot, encodeSnapshot, type Snapshot } from './snapshot/snapshot.js';
export {
  listSnapshots,
  loadSnapshot,
  type SnapshotList,
  type StoredSnapshot,
} from './snapshot/snapshot-list.js';
export { InlineWorkers } from './workers/inline-workers.js';
export { RestingWorkers } from './workers/resting-workers.js';
export { WorkerPool, type WorkerPoolOptions } from './workers/worker-pool.js';
export { type Workers } from './workers/worker-service.js';
