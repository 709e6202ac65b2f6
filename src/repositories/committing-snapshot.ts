/** A snapshot that was decided. */
export interface CommittingSnapshot {
  readonly id: string;
  readonly repositoryId: string;
  readonly agentId: string;
  readonly tree: string;
  /** Its id in the repository. */
  readonly objectId: string;
  /** The object's bytes; null once it is restorable. */
  readonly sealed: Buffer | null;
}

export interface CommittingRow {
  readonly id: string;
  readonly repository_id: string;
  readonly agent_id: string;
  readonly tree: string;
  readonly object_id: string;
  readonly sealed: Buffer | null;
}

export function committing(row: CommittingRow): CommittingSnapshot {
  const { id, repository_id, agent_id, tree, object_id, sealed } = row;
  return { id, repositoryId: repository_id, agentId: agent_id, tree, objectId: object_id, sealed };
}

/** Of `snapshots s` and its `workspaces w`: a CommittingRow. */
export const COMMITTING_COLUMNS = `s.id, w.repository_id, s.agent_id, encode(s.tree, 'hex') AS tree,
  encode(s.object_id, 'hex') AS object_id, s.sealed`;

export const BY_RUN = `SELECT ${COMMITTING_COLUMNS} FROM snapshots s JOIN workspaces w ON w.id = s.workspace_id
  WHERE s.workspace_id = $1 AND s.run_id = $2`;
