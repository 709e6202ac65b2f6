/*
 * How agents and servers speak: JSON over HTTPS, always asked by the agent, authorised by its own API key. Every request
 * carries PROTOCOL_HEADER; a server that does not speak that version refuses with `unsupported_protocol` and names
 * those it speaks. Fields may be added within a version; both sides ignore what they do not know.
 */
export const PROTOCOL_VERSION = 1;
export const PROTOCOL_HEADER = 'stowage-agent-protocol';

/** All are POST. */
export const AGENT_PATHS = {
  /** EnrolRequest -> EnrolAnswer; the only one without a key: its token is the authority. */
  enrol: '/api/v1/agent/enrolments',
  /** SyncRequest -> DesiredState; waits for a change when asked to. */
  sync: '/api/v1/agent/sync',
  /** Heartbeat -> HeartbeatAnswer */
  heartbeat: '/api/v1/agent/heartbeats',
  /** LeaseRequest -> LeaseGrant */
  lease: '/api/v1/agent/leases',
  /** LeaseHold -> 204 */
  releaseLease: '/api/v1/agent/leases/release',
  /** RepositoryAccess -> RestoreGrant */
  openForRestore: '/api/v1/agent/restores/open',
  /** OrderRequest -> OrderAnswer */
  orders: '/api/v1/agent/orders',
  /** StoreIndexRequest -> 204 */
  storeIndex: '/api/v1/agent/index-files',
  /** FileListRequest -> FileList */
  listFiles: '/api/v1/agent/files/list',
  /** CommitRequest -> CommitAnswer */
  commit: '/api/v1/agent/commits',
  /** RequestRestore -> DesiredRestore: from the agent's command line. */
  requestRestore: '/api/v1/agent/restores',
  /** RestoreDecision -> RestoreStatus: of a restore on this agent. */
  decideRestore: '/api/v1/agent/restores/decisions',
  /** { restore_id } -> RestoreStatus */
  restoreStatus: '/api/v1/agent/restores/status',
} as const;

/**
 * Why a server refuses an agent, besides the codes of any route. `lease_held`: another agent writes this workspace.
 * `lease_lost`: the lease has expired or went to another; take it anew. `commit_refused`: packs are missing or about to
 * be deleted, or the index that the run relied on is out of date: load it again, then repeat the run. `order_refused`:
 * a file that no agent may read or write. `agent_removed`: enrol again.
 */
export type EnrolmentRejection = 'unsupported_protocol' | 'enrolment_refused' | 'agent_removed';
export type RepositoryRejection = 'lease_held' | 'lease_lost' | 'order_refused' | 'commit_refused';

/** A lease not renewed for so long is lost. */
export const LEASE_TTL_SECONDS = 90;
/** Of heartbeats; leases are renewed with them. */
export const HEARTBEAT_SECONDS = 20;
/** An agent not heard of for so long is offline: two heartbeats may be lost. */
export const OFFLINE_AFTER_SECONDS = 3 * HEARTBEAT_SECONDS;
/** Longest wait of a sync. */
export const MAX_SYNC_WAIT_SECONDS = 50;
/** Of one order request, puts and gets together. */
export const MAX_ORDERS = 200;
/** Of an ordered URL. */
export const ORDER_TTL_SECONDS = 900;
/** Of a pack that an agent may store. */
export const MAX_ORDERED_BYTES = 128 * 1_024 * 1_024;
/** Of a sealed index file: those that agents write have at most 50,000 blobs, of less than 250 bytes each. */
export const MAX_INDEX_FILE_BYTES = 16 * 1_024 * 1_024;
/**
 * Named by one commit, which is one request of at most 1 MiB; a first snapshot of more is committed by a later run, which
 * finds most of it stored.
 */
export const MAX_COMMIT_FILES = 12_000;
/** Of one heartbeat, runs and restores each; what is left waits for the next one. */
export const MAX_REPORTS = 100;
/** Of one heartbeat. */
export const MAX_LEASES = 1_000;
/** Problems named in a report; all are counted. */
export const MAX_NAMED_PROBLEMS = 20;
