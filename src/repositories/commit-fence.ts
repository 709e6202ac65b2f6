import type { EntityManager } from 'typeorm';
import type { CommitRequest } from '../agent-protocol/messages.js';
import { MAX_NAMED_PROBLEMS } from '../agent-protocol/protocol.js';
import type { SealedFile } from '../snapshot-engine/index.js';
import { directoriesIn, startedMs, type CommitContext } from './commit-snapshot.js';
import { BY_RUN, committing, type CommittingRow, type CommittingSnapshot } from './committing-snapshot.js';
import { commitRefused, indexOutOfDate, leaseLost } from './repositories-error.js';
import { bytesOf } from './stored-files.service.js';

/** Whose commit it is. */
export interface CommitSubject extends CommitContext {
  readonly userId: number;
  readonly repositoryId: string;
}

/** What was made for a commit before its transaction. */
export interface PreparedCommit {
  readonly agentId: string;
  readonly cloudConfigId: number;
  readonly sealed: SealedFile;
  /** Calls to the provider, those of the commit included. */
  readonly requests: number;
}

export interface FencedCommit {
  readonly snapshot: CommittingSnapshot;
  /** The first snapshot of a workspace that lacks files, or the first after one that was whole. */
  readonly becamePartial: boolean;
}

/**
 * Decides a commit, in the caller's transaction. Locks the repository, so that no doom comes between the question and
 * the answer, and the lease, so that nobody takes it meanwhile; then asks all that decides, and writes the row. A commit
 * that another process has decided meanwhile is answered as it was made.
 * @throws RepositoriesError `lease_lost`, `commit_refused`
 */
export async function fenceCommit(
  manager: EntityManager,
  subject: CommitSubject,
  request: CommitRequest,
  prepared: PreparedCommit,
): Promise<FencedCommit> {
  const generation = await lockRepository(manager, subject.repositoryId);
  const repeated = await madeBy(manager, subject.workspaceId, request.run_id);
  if (repeated !== undefined) return { snapshot: repeated, becamePartial: false };
  if (generation !== request.generation) throw indexOutOfDate();
  await assertLease(manager, request, prepared.agentId);
  const addedBytes = await useFiles(manager, subject.repositoryId, request.files);
  return insertSnapshot(manager, { subject, request, prepared, addedBytes });
}

async function lockRepository(manager: EntityManager, repositoryId: string): Promise<number | undefined> {
  const [row] = await manager.query<{ generation: number }[]>(LOCK_REPOSITORY, [repositoryId]);
  return row?.generation;
}

async function madeBy(
  manager: EntityManager,
  workspaceId: string,
  runId: string,
): Promise<CommittingSnapshot | undefined> {
  const [row] = await manager.query<CommittingRow[]>(BY_RUN, [workspaceId, runId]);
  return row && committing(row);
}

async function assertLease(
  manager: EntityManager,
  { workspace_id, fencing }: CommitRequest,
  agentId: string,
): Promise<void> {
  const rows = await manager.query<unknown[]>(LOCK_LEASE, [workspace_id, agentId, fencing]);
  if (rows.length === 0) throw leaseLost();
}

/**
 * Doomed or not, and ordered at all: one statement sees both at one moment, because a prune that has deleted a pack
 * removes its doom and its order together. What the commit before has named is of no use any more.
 * @returns bytes of the files that no commit has named before
 */
async function useFiles(
  manager: EntityManager,
  repositoryId: string,
  files: readonly string[],
): Promise<number> {
  const ids = bytesOf(files);
  const [found] = await manager.query<FoundFiles[]>(FIND_FILES, [repositoryId, ids]);
  const { missing, doomed, added_bytes } = found!;
  if (doomed !== null) throw commitRefused(`pack ${doomed} is about to be deleted`);
  if (missing !== null) throw commitRefused(`file ${missing} was never ordered, or has been deleted`);
  await manager.query(FORGET_EARLIER, [repositoryId, ids]);
  await manager.query(NOTE_COMMITTED, [repositoryId, ids]);
  return Number(added_bytes);
}

interface NewSnapshot {
  readonly subject: CommitSubject;
  readonly request: CommitRequest;
  readonly prepared: PreparedCommit;
  readonly addedBytes: number;
}

async function insertSnapshot(manager: EntityManager, made: NewSnapshot): Promise<FencedCommit> {
  const { subject, request, prepared, addedBytes } = made;
  const { agentId, sealed, requests } = prepared;
  const { workspaceId, repositoryId } = subject;
  const wasPartial = await newestIsPartial(manager, workspaceId);
  const [row] = await manager.query<{ id: string }[]>(INSERT, valuesOf(made));
  await manager.query(COUNT_BYTES, [repositoryId, addedBytes]);
  await manager.query(COUNT_REQUESTS, [workspaceId, requests]);
  const { id: objectId, bytes } = sealed;
  return {
    snapshot: { id: row!.id, repositoryId, agentId, tree: request.tree, objectId, sealed: bytes },
    becamePartial: request.problem_count > 0 && !wasPartial,
  };
}

async function newestIsPartial(manager: EntityManager, workspaceId: string): Promise<boolean> {
  const [row] = await manager.query<{ is_partial: boolean }[]>(NEWEST, [workspaceId]);
  return row?.is_partial ?? false;
}

/** In the order of INSERT's columns. */
function valuesOf({ subject, request, prepared, addedBytes }: NewSnapshot): unknown[] {
  const { agentId, cloudConfigId, sealed, requests } = prepared;
  const { summary, parent, tree, problem_count, problems } = request;
  const begunMs = startedMs(subject, request);
  return [
    ...[subject.userId, cloudConfigId, subject.workspaceId, agentId, request.run_id, request.fencing],
    ...[Buffer.from(sealed.id, 'hex'), sealed.bytes, Buffer.from(tree, 'hex')],
    parent === null ? null : Buffer.from(parent, 'hex'),
    ...[new Date(subject.receivedMs), new Date(begunMs), Math.round(subject.receivedMs - begunMs)],
    ...[problem_count > 0, problem_count, JSON.stringify(problems.slice(0, MAX_NAMED_PROBLEMS))],
    ...[summary.total_files_processed, directoriesIn(summary), summary.total_bytes_processed],
    ...[addedBytes, requests],
  ];
}

interface FoundFiles {
  /** Ids in hex. */
  readonly missing: string | null;
  readonly doomed: string | null;
  readonly added_bytes: string;
}

const LOCK_REPOSITORY = 'SELECT generation FROM repositories WHERE id = $1 FOR NO KEY UPDATE';

const LOCK_LEASE = `SELECT 1 FROM workspaces w JOIN leases l ON l.repository_id = w.repository_id
  WHERE w.id = $1 AND l.agent_id = $2 AND l.fencing = $3 AND l.expires_at > clock_timestamp()
    AND w.deleted_at IS NULL
  FOR SHARE OF l`;

const FIND_FILES = `SELECT
    min(encode(named.id, 'hex')) FILTER (WHERE stored.id IS NULL) AS missing,
    min(encode(named.id, 'hex')) FILTER (WHERE doomed.id IS NOT NULL) AS doomed,
    coalesce(sum(stored.size_bytes) FILTER (WHERE NOT stored.is_committed), 0) AS added_bytes
  FROM (SELECT DISTINCT unnest($2::bytea[]) AS id) named
    LEFT JOIN stored_packs stored ON stored.repository_id = $1 AND stored.id = named.id
    LEFT JOIN doomed_packs doomed ON doomed.repository_id = $1 AND doomed.id = named.id`;

const FORGET_EARLIER = `DELETE FROM stored_packs
  WHERE repository_id = $1 AND is_committed AND id <> ALL ($2::bytea[])`;

const NOTE_COMMITTED = `UPDATE stored_packs SET is_committed = true
  WHERE repository_id = $1 AND id = ANY ($2::bytea[])`;

const NEWEST = `SELECT is_partial FROM snapshots
  WHERE workspace_id = $1 ORDER BY received_at DESC, id DESC LIMIT 1`;

const INSERT = `INSERT INTO snapshots (
    user_id, cloud_config_id, workspace_id, agent_id, run_id, fencing,
    object_id, sealed, tree, parent_object_id,
    received_at, started_at, duration_ms,
    is_partial, problem_count, problems,
    files, directories, size_bytes,
    stored_bytes, provider_requests, state)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 'committing')
  RETURNING id`;

const COUNT_BYTES = 'UPDATE repositories SET stored_bytes = stored_bytes + $2 WHERE id = $1';

const COUNT_REQUESTS = 'UPDATE workspaces SET provider_requests = provider_requests + $2 WHERE id = $1';
