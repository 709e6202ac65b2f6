import type { EntityManager } from 'typeorm';
import type { KeepPolicy } from '../../snapshot-engine/index.js';
import { SUSPECTS } from '../../repositories/unproven-packs.service.js';
import type { ProofFacts } from './proofs-due.js';
import type { PruneFacts } from './prune-due.js';
import type { ThinnedSnapshot } from './thinning-plan.js';

/** What maintenance knows before it asks the bucket for anything. */
export interface MaintenanceFacts {
  readonly userId: number;
  readonly workspaceId: string;
  readonly workspaceName: string;
  readonly keepPolicy: KeepPolicy;
  readonly snapshots: readonly ThinnedSnapshot[];
  /** Rows that an earlier run began to forget, or that a user deleted. */
  readonly forgetting: number;
  readonly prune: PruneFacts;
  readonly proofs: ProofFacts;
}

/** A snapshot that goes: its row and its object. */
export interface ForgottenRow {
  readonly id: string;
  readonly objectId: string;
}

/** @returns undefined when the repository has no workspace (its creation was given up) */
export async function loadMaintenanceFacts(
  manager: EntityManager,
  repositoryId: string,
): Promise<MaintenanceFacts | undefined> {
  const [row] = await manager.query<FactsRow[]>(FACTS, [repositoryId]);
  if (row === undefined) return undefined;
  const snapshots = await manager.query<SnapshotFacts[]>(SNAPSHOTS, [row.workspace_id]);
  return {
    userId: row.user_id,
    workspaceId: row.workspace_id,
    workspaceName: row.workspace_name,
    keepPolicy: row.keep_policy,
    snapshots: snapshots.map(({ id, received_at: receivedAt, tags, must_stay: mustStay }) => ({
      id,
      receivedAtMs: receivedAt.getTime(),
      tags,
      mustStay,
    })),
    forgetting: row.forgetting,
    prune: {
      snapshots: snapshots.length,
      isWorkspaceDeleted: row.is_deleted,
      lastPrunedAtMs: row.last_pruned_at.getTime(),
      newIndexFiles: row.new_index_files,
      hasGarbage: row.has_garbage,
      oldestDoomedMs: row.oldest_doomed?.getTime(),
    },
    proofs: { suspects: row.suspects, oldestUnreadMs: row.oldest_unread?.getTime() },
  };
}

/**
 * Marks what goes before its object goes: from then on nobody is shown a snapshot that may not be there. What was
 * protected, or is wanted by a restore, since the plan was made is left alone. Answers all that are marked, those of
 * earlier runs among them.
 */
export async function markForgetting(
  manager: EntityManager,
  repositoryId: string,
  workspaceId: string,
  ids: readonly string[],
): Promise<ForgottenRow[]> {
  await manager.query(MARK, [workspaceId, ids]);
  await manager.query('UPDATE repositories SET has_garbage = true WHERE id = $1', [repositoryId]);
  return manager.query<ForgottenRow[]>(MARKED, [workspaceId]);
}

/** Their objects are gone. */
export async function deleteForgotten(manager: EntityManager, ids: readonly string[]): Promise<void> {
  await manager.query(`DELETE FROM snapshots WHERE state = 'forgetting' AND id = ANY ($1::uuid[])`, [ids]);
}

/** How a listing of the bucket, made since `listedSince`, and the rows of a workspace differ. */
export interface SnapshotDifference {
  /** Objects without a row: another program made them. */
  readonly foreign: number;
  /** Rows that say restorable, without an object. */
  readonly missing: readonly string[];
}

/** Also notes the differences: what is missing is shown as missing. */
export async function noteDifferences(
  manager: EntityManager,
  repositoryId: string,
  workspaceId: string,
  { listed, listedSinceMs }: { readonly listed: readonly string[]; readonly listedSinceMs: number },
): Promise<SnapshotDifference> {
  const values = [workspaceId, listed];
  const [row] = await manager.query<{ foreign: number }[]>(FOREIGN, values);
  const foreign = row?.foreign ?? 0;
  await manager.query('UPDATE repositories SET foreign_snapshots = $2 WHERE id = $1', [
    repositoryId,
    foreign,
  ]);
  const [missing] = await manager.query<[{ id: string }[], number]>(MISSING, [
    ...values,
    new Date(listedSinceMs),
  ]);
  return { foreign, missing: missing.map(({ id }) => id) };
}

interface FactsRow {
  readonly user_id: number;
  readonly workspace_id: string;
  readonly workspace_name: string;
  readonly keep_policy: KeepPolicy;
  readonly forgetting: number;
  readonly is_deleted: boolean;
  readonly last_pruned_at: Date;
  readonly new_index_files: number;
  readonly has_garbage: boolean;
  readonly oldest_doomed: Date | null;
  readonly suspects: number;
  readonly oldest_unread: Date | null;
}

interface SnapshotFacts {
  readonly id: string;
  readonly received_at: Date;
  readonly tags: string[];
  readonly must_stay: boolean;
}

const FACTS = `SELECT r.user_id, w.id AS workspace_id, w.name AS workspace_name, w.keep_policy,
    coalesce(r.last_pruned_at, r.created_at) AS last_pruned_at,
    r.has_garbage, w.deleted_at IS NOT NULL AS is_deleted,
    (SELECT count(*)::integer FROM snapshots s WHERE s.workspace_id = w.id AND s.state = 'forgetting') AS forgetting,
    (SELECT count(*)::integer FROM stored_packs p WHERE p.repository_id = r.id AND p.kind = 'index'
      AND p.ordered_at > coalesce(r.last_pruned_at, '-infinity')) AS new_index_files,
    (SELECT min(d.since) FROM doomed_packs d WHERE d.repository_id = r.id) AS oldest_doomed,
    (SELECT count(*)::integer ${SUSPECTS} AND u.repository_id = r.id) AS suspects,
    (SELECT min(u.claimed_at) FROM unproven_packs u
      WHERE u.repository_id = r.id AND NOT u.are_copies_read) AS oldest_unread
  FROM repositories r JOIN workspaces w ON w.repository_id = r.id WHERE r.id = $1`;

const WANTED = `EXISTS (SELECT FROM restores x WHERE x.snapshot_id = s.id AND x.finished_at IS NULL)`;

const SNAPSHOTS = `SELECT s.id, s.received_at, s.tags, s.is_protected OR s.state = 'committing' OR ${WANTED} AS must_stay
  FROM snapshots s WHERE s.workspace_id = $1 AND s.state IN ('committing', 'restorable')`;

const MARK = `UPDATE snapshots s SET state = 'forgetting' WHERE s.workspace_id = $1 AND s.id = ANY ($2::uuid[])
  AND s.state = 'restorable' AND NOT s.is_protected AND NOT ${WANTED}`;

const MARKED = `SELECT id, encode(object_id, 'hex') AS "objectId" FROM snapshots
  WHERE workspace_id = $1 AND state = 'forgetting' ORDER BY received_at`;

const FOREIGN = `SELECT count(*)::integer AS foreign FROM unnest($2::text[]) AS listed (id)
  WHERE NOT EXISTS (SELECT FROM snapshots s WHERE s.workspace_id = $1 AND s.object_id = decode(listed.id, 'hex'))`;

/** One that became restorable while the bucket was being listed may not be in the list. */
const MISSING = `UPDATE snapshots s SET state = 'missing' WHERE s.workspace_id = $1 AND s.state = 'restorable'
  AND s.restorable_at < $3 AND NOT encode(s.object_id, 'hex') = ANY ($2::text[]) RETURNING id`;
