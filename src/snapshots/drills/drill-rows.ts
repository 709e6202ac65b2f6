import type { EntityManager } from 'typeorm';
import type { RestoreProgress, RestoreResult } from '../../agent-protocol/messages.js';

/** A drill as its row in `restores` tells it. */
export interface DrillRow {
  readonly id: string;
  readonly userId: number;
  readonly workspaceId: string;
  readonly workspaceName: string;
  readonly repositoryId: string;
  readonly snapshotId: string;
  /** 64 hex digits. */
  readonly objectId: string;
  readonly state: string;
}

export interface DrilledSnapshot {
  readonly id: string;
  readonly objectId: string;
}

/** Of a workspace's restorable snapshots the newest, or with `at` (0 <= at < 1) the one there in their order. */
export async function pickSnapshot(
  manager: EntityManager,
  workspaceId: string,
  at?: number,
): Promise<DrilledSnapshot | undefined> {
  const [found] = await manager.query<DrilledSnapshot[]>(PICK, [workspaceId, at ?? 0]);
  return found;
}

/** @returns undefined when it is not (or no longer) a restorable snapshot of this workspace */
export async function findSnapshot(
  manager: EntityManager,
  workspaceId: string,
  snapshotId: string,
): Promise<DrilledSnapshot | undefined> {
  const [found] = await manager.query<DrilledSnapshot[]>(FIND, [workspaceId, snapshotId]);
  return found;
}

/** @returns the id of the drill; as an unfinished restore it keeps the snapshot from being thinned out */
export async function insertDrill(
  manager: EntityManager,
  workspaceId: string,
  snapshot: DrilledSnapshot,
): Promise<string> {
  const values = [workspaceId, snapshot.id, Buffer.from(snapshot.objectId, 'hex')];
  const [row] = await manager.query<{ id: string }[]>(INSERT, values);
  return row!.id;
}

/** `planning` or `running` (of an attempt that was broken off) -> `running`. @returns undefined when it has ended */
export async function startDrill(
  manager: EntityManager,
  id: string,
  target: string,
): Promise<DrillRow | undefined> {
  await manager.query(START, [id, target]);
  const [row] = await manager.query<DrillRow[]>(LOAD, [id]);
  return row;
}

/** @returns false when somebody has cancelled it */
export async function noteProgress(
  manager: EntityManager,
  id: string,
  progress: RestoreProgress,
): Promise<boolean> {
  const [changed] = await manager.query<[unknown[], number]>(PROGRESS, [id, JSON.stringify(progress)]);
  return changed.length > 0;
}

export interface DrillEnd {
  readonly state: 'succeeded' | 'partial' | 'failed' | 'cancelled';
  /** What was rehearsed; none: everything. */
  readonly paths?: readonly string[];
  readonly result?: RestoreResult;
  readonly code?: string;
  readonly detail?: string;
}

/** @returns false when it had ended before */
export async function endDrill(manager: EntityManager, id: string, end: DrillEnd): Promise<boolean> {
  const { state, paths = [], result, code, detail } = end;
  const json = result === undefined ? null : JSON.stringify(result);
  const values = [id, state, JSON.stringify(paths), json, code ?? null, detail ?? null];
  const [changed] = await manager.query<[unknown[], number]>(END, values);
  return changed.length > 0;
}

/** Of these, the drills that are under way. */
export async function openDrills(manager: EntityManager, ids: readonly string[]): Promise<string[]> {
  const rows = await manager.query<{ id: string }[]>(OPEN, [ids]);
  return rows.map(({ id }) => id);
}

const SNAPSHOT = `SELECT s.id, encode(s.object_id, 'hex') AS "objectId" FROM snapshots s
  WHERE s.workspace_id = $1 AND s.state = 'restorable'`;

const PICK = `${SNAPSHOT} ORDER BY s.received_at DESC, s.id DESC
  OFFSET floor($2::float8 * (SELECT count(*) FROM snapshots WHERE workspace_id = $1 AND state = 'restorable')) LIMIT 1`;

const FIND = `${SNAPSHOT} AND s.id = $2`;

const INSERT = `INSERT INTO restores (user_id, workspace_id, snapshot_id, snapshot_object_id, kind, target,
    starts_by_itself)
  SELECT user_id, id, $2, $3, 'drill', '', true FROM workspaces WHERE id = $1 RETURNING id`;

const START = `UPDATE restores SET state = 'running', started_at = now(), target = $2, version = version + 1
  WHERE id = $1 AND state IN ('planning', 'running')`;

const LOAD = `SELECT x.id, x.user_id AS "userId", x.workspace_id AS "workspaceId", w.name AS "workspaceName",
    w.repository_id AS "repositoryId", x.snapshot_id AS "snapshotId",
    encode(x.snapshot_object_id, 'hex') AS "objectId", x.state
  FROM restores x JOIN workspaces w ON w.id = x.workspace_id WHERE x.id = $1 AND x.finished_at IS NULL`;

const PROGRESS = `UPDATE restores SET progress = $2, version = version + 1 WHERE id = $1 AND state = 'running'
  RETURNING id`;

const END = `UPDATE restores SET state = $2, paths = $3, result = $4, error_code = $5, error_detail = $6,
    finished_at = now(), version = version + 1
  WHERE id = $1 AND finished_at IS NULL RETURNING id`;

const OPEN = `SELECT id FROM restores WHERE id::text = ANY ($1::text[]) AND finished_at IS NULL`;
