/*
 * What agents and servers say to each other, as on the wire. Ids of files, trees and snapshots' objects are 64 hex
 * digits; all other ids are UUIDs. Moments are ISO 8601 in UTC by the server's clock; an agent says how long ago
 * something was, never when.
 */

export interface EnrolRequest {
  readonly token: string;
  /**
   * Made by the host, of the kind `agent`: whoever enrols again with the same token and the same key is answered again,
   * so that an answer that was lost costs nothing. Absent: the server makes one.
   */
  readonly api_key?: string;
  readonly hostname: string;
  /** `linux x64` */
  readonly platform: string;
  readonly program_version: string;
}

export interface EnrolAnswer {
  readonly agent_id: string;
  readonly name: string;
  /** Shown this once. */
  readonly api_key: string;
}

export interface SyncRequest {
  /** That of the last answer: answered at once when something else is wanted by now. */
  readonly revision?: string;
  /** How long the server may wait for a change; 0 to MAX_SYNC_WAIT_SECONDS. */
  readonly wait_seconds: number;
  readonly hostname: string;
  readonly platform: string;
  readonly program_version: string;
}

/** Everything that this agent shall do; what is not named any more shall stop. */
export interface DesiredState {
  readonly revision: string;
  readonly agent: { readonly id: string; readonly name: string };
  readonly workspaces: readonly DesiredWorkspace[];
  readonly restores: readonly DesiredRestore[];
}

/** Of a path on the server's own machine, whose agent serves everybody: asked again before each use. */
export interface PathBounds {
  /** Below one of which it must lie, its links resolved; null: anywhere. */
  readonly roots: readonly string[] | null;
  /** Which it may neither lie in nor hold. */
  readonly forbidden: readonly string[];
}

export interface DesiredWorkspace {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly interval_seconds: number;
  readonly excludes: readonly string[];
  readonly upload_bytes_per_second: number | null;
  readonly paused: boolean;
  /** A snapshot that somebody asked for: one run, at once, even when paused. */
  readonly requested_run_id: string | null;
  /** Of `path`; absent on other hosts than the server's own. */
  readonly bounds?: PathBounds;
}

export interface DesiredRestore {
  readonly id: string;
  readonly workspace_id: string;
  /** The snapshot's id in the repository. */
  readonly snapshot: string;
  /** `plan`: look and tell; `run`: do it; `cancel`: stop and tell. */
  readonly phase: 'plan' | 'run' | 'cancel';
  /** Relative to the workspace; empty: all of it. */
  readonly paths: readonly string[];
  readonly target: string;
  readonly destination: 'new-directory' | 'in-place';
  readonly mirror: boolean;
  /** Of `target`; absent on other hosts than the server's own. */
  readonly bounds?: PathBounds;
}

export interface NamedProblem {
  readonly path: string;
  readonly reason: string;
}

/** How one run ended. */
export interface RunReport {
  readonly workspace_id: string;
  readonly run_id: string;
  readonly status: 'complete' | 'partial' | 'unchanged' | 'failed';
  /** The snapshot's object, when one was made. */
  readonly snapshot?: string;
  /** Of a failure. */
  readonly code?: string;
  readonly detail?: string;
  /** Since the run began, when this is sent. */
  readonly started_ms_ago: number;
  readonly duration_ms: number;
  /** Calls to the provider, commits left out. */
  readonly requests: number;
  readonly walk: 'full' | 'changes';
  readonly missed_changes: number;
  /** Why changes cannot be watched, as a sentence. */
  readonly watcher_problem?: string;
  readonly problem_count: number;
  /** Up to MAX_NAMED_PROBLEMS of them. */
  readonly problems: readonly NamedProblem[];
  /** Runs that were due and left out since the last report. */
  readonly skipped_runs: number;
  /** That of the DesiredWorkspace which this run answers. */
  readonly requested_run_id?: string;
}

export interface RestorePlan {
  readonly create: number;
  readonly overwrite: number;
  readonly delete: number;
  readonly keep: number;
  /** Of file content to be written. */
  readonly bytes: number;
  /** To be fetched from the bucket. */
  readonly fetch_bytes: number;
}

export interface RestoreProgress {
  readonly files_done: number;
  readonly files_total: number;
  readonly bytes_done: number;
  readonly bytes_total: number;
  readonly current_path?: string;
  readonly bytes_per_second: number;
  readonly remaining_ms?: number;
}

export interface RestoreResult {
  readonly files: number;
  readonly bytes: number;
  /** All content that was written had its hash. */
  readonly verified: boolean;
  readonly duration_ms: number;
  readonly failed: readonly NamedProblem[];
  readonly failed_count: number;
  readonly refused: readonly NamedProblem[];
  readonly refused_count: number;
}

export interface RestoreReport {
  readonly restore_id: string;
  readonly state: 'planned' | 'running' | 'succeeded' | 'partial' | 'failed' | 'cancelled';
  readonly plan?: RestorePlan;
  readonly progress?: RestoreProgress;
  readonly result?: RestoreResult;
  readonly code?: string;
  readonly detail?: string;
}

export interface LeaseHold {
  readonly workspace_id: string;
  readonly fencing: number;
}

export interface Heartbeat {
  readonly runs: readonly RunReport[];
  readonly restores: readonly RestoreReport[];
  readonly leases: readonly LeaseHold[];
}

export interface HeartbeatAnswer {
  /** The leases that go on, for LEASE_TTL_SECONDS from now; one that is missing is lost. */
  readonly leases: readonly LeaseHold[];
  /** Another than the agent knows: sync. */
  readonly revision: string;
}

export interface LeaseRequest {
  readonly workspace_id: string;
}

/** What opens a repository without a password. For this host only; never written to its disk. */
export interface RepositoryKeys {
  /** JSON as in a restic key file: `{"mac":{"k","r"},"encrypt"}`. */
  readonly master_key: string;
  /** The JSON of restic's `config`. */
  readonly config: string;
}

/** May write the workspace's repository until the lease is lost. */
export interface LeaseGrant extends LeaseHold {
  readonly ttl_seconds: number;
  readonly repository: RepositoryKeys;
  /** Counts what may make a loaded index wrong; a commit names the one that its index was loaded in. */
  readonly generation: number;
  /**
   * Packs that wait for their deletion in this generation. An index that is loaded may still name them: they are taken
   * out of it, for no snapshot may rely on them any more.
   */
  readonly doomed: readonly string[];
  /** The newest restorable snapshot. */
  readonly latest_snapshot: string | null;
}

/** By the lease of a workspace, or by a restore that the agent was given. */
export type RepositoryAccess =
  { readonly workspace_id: string; readonly fencing: number } | { readonly restore_id: string };

export interface RestoreGrant {
  readonly repository: RepositoryKeys;
}

export interface PutOrder {
  readonly kind: 'pack';
  readonly id: string;
  readonly size_bytes: number;
  /** 32 hex digits, for providers that cannot bind a SHA-256. */
  readonly md5: string;
}

export interface GetOrder {
  readonly kind: 'pack' | 'index' | 'snapshot';
  readonly id: string;
}

export interface OrderRequest {
  readonly access: RepositoryAccess;
  /** Need a lease. */
  readonly puts?: readonly PutOrder[];
  readonly gets?: readonly GetOrder[];
}

/** `headers` must be sent exactly. */
export interface OrderedRequest {
  readonly kind: 'pack' | 'index' | 'snapshot';
  readonly id: string;
  readonly method: 'GET' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_in_seconds: number;
}

export interface OrderAnswer {
  readonly puts: readonly OrderedRequest[];
  /** Asked for, but there already. */
  readonly stored: readonly string[];
  readonly gets: readonly OrderedRequest[];
}

/**
 * An index file, which the server reads before it stores it: one that nobody can read would keep everybody from reading
 * the repository. Its packs were ordered before.
 */
export interface StoreIndexRequest {
  readonly access: LeaseHold;
  /** SHA-256 of the file. */
  readonly id: string;
  /** The sealed file in base64, at most MAX_INDEX_FILE_BYTES of it. */
  readonly bytes: string;
}

export interface FileListRequest {
  readonly access: RepositoryAccess;
  readonly kind: 'index' | 'snapshot';
}

export interface FileList {
  /** All of them, ascending by id. */
  readonly files: ReadonlyArray<{ readonly id: string; readonly size_bytes: number }>;
}

/** Counts as restic writes them into a snapshot; sizes in bytes. */
export interface RunSummary {
  readonly files_new: number;
  readonly files_changed: number;
  readonly files_unmodified: number;
  readonly dirs_new: number;
  readonly dirs_changed: number;
  readonly dirs_unmodified: number;
  readonly data_blobs: number;
  readonly tree_blobs: number;
  readonly data_added: number;
  readonly data_added_packed: number;
  readonly total_files_processed: number;
  readonly total_bytes_processed: number;
}

export interface CommitRequest extends LeaseHold {
  /** The agent's name for this run: a repeated commit is answered as the first. */
  readonly run_id: string;
  /** Of the LeaseGrant, or of a refreshed index. */
  readonly generation: number;
  /** Pack and index files stored since the last commit; all must lie in the bucket. */
  readonly files: readonly string[];
  /** The workspace's own entries, as `restic backup .` inside it: no directory that leads to it. */
  readonly tree: string;
  readonly parent: string | null;
  readonly hostname: string;
  readonly username: string;
  readonly excludes: readonly string[];
  readonly summary: RunSummary;
  readonly problem_count: number;
  readonly problems: readonly NamedProblem[];
  readonly requests: number;
  readonly started_ms_ago: number;
}

export interface CommitAnswer {
  /** The row's id. */
  readonly snapshot_id: string;
  /** Its id in the repository. */
  readonly object_id: string;
}

/** From the agent's command line. The newest snapshot when none is named. */
export interface RequestRestore {
  readonly workspace_id: string;
  readonly snapshot?: string;
  readonly paths: readonly string[];
  readonly target: string;
  readonly destination: 'new-directory' | 'in-place';
  readonly mirror: boolean;
  /** Runs as soon as it is planned; otherwise a RestoreDecision is waited for. */
  readonly starts_by_itself: boolean;
}

/** What the agent's user says to a plan that was shown. `cancel` also ends a restore that runs. */
export interface RestoreDecision {
  readonly restore_id: string;
  readonly phase: 'run' | 'cancel';
}

export interface RestoreStatus {
  readonly restore_id: string;
  readonly state: string;
  readonly plan: RestorePlan | null;
  readonly progress: RestoreProgress | null;
  readonly result: RestoreResult | null;
  readonly error_code: string | null;
  readonly error_detail: string | null;
}
