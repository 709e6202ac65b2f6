import type { CommitRequest } from '../agent-protocol/messages.js';
import type { Statements } from '../database/statements.js';
import type { CommitSubject } from './commit-fence.js';
import {
  BY_RUN,
  committing,
  COMMITTING_COLUMNS,
  type CommittingRow,
  type CommittingSnapshot,
} from './committing-snapshot.js';

/** What is known of a commit before anything is asked of the bucket. */
export interface CommitFacts extends CommitSubject {
  readonly name: string;
  readonly generation: number;
  readonly isLeaseHeld: boolean;
}

/** The rows of commits, outside of the transaction that decides them. */
export class CommitRows {
  constructor(private readonly statements: Statements) {}

  /** What a run has made already. */
  async committed({ workspace_id, run_id }: CommitRequest): Promise<CommittingSnapshot | undefined> {
    const [row] = await this.statements.query<CommittingRow>(COMMITTED, [workspace_id, run_id]);
    return row && committing(row);
  }

  /** Undefined when there is no such workspace. */
  async facts(agentId: string, request: CommitRequest): Promise<CommitFacts | undefined> {
    const { workspace_id, fencing } = request;
    const [row] = await this.statements.query<FactsRow>(FACTS, [workspace_id, agentId, fencing]);
    if (row === undefined) return undefined;
    return {
      workspaceId: workspace_id,
      name: row.name,
      path: row.path,
      receivedMs: row.received_at.getTime(),
      userId: row.user_id,
      repositoryId: row.repository_id,
      generation: row.generation,
      isLeaseHeld: row.is_lease_held,
    };
  }

  /** @returns whether it was not before */
  async markRestorable(snapshotId: string): Promise<boolean> {
    return (await this.statements.query(RESTORABLE, [snapshotId])).length > 0;
  }

  /** The oldest of those that are not finished, a batch of them. */
  async committingIn(repositoryId: string): Promise<CommittingSnapshot[]> {
    const rows = await this.statements.query<CommittingRow>(COMMITTING_IN, [repositoryId, FINISHED_AT_ONCE]);
    return rows.map(committing);
  }

  /** Repositories with snapshots that were decided a while ago: whoever decided them has given up, or died. */
  async repositoriesLeftCommitting(): Promise<string[]> {
    const rows = await this.statements.query<{ repository_id: string }>(LEFT, [LEFT_AFTER_SECONDS]);
    return rows.map(({ repository_id }) => repository_id);
  }
}

/** Some kilobytes each. */
const FINISHED_AT_ONCE = 50;
/** Longer than a commit that goes well. */
const LEFT_AFTER_SECONDS = 20;

interface FactsRow {
  readonly name: string;
  readonly path: string;
  readonly user_id: number;
  readonly repository_id: string;
  readonly generation: number;
  readonly received_at: Date;
  readonly is_lease_held: boolean;
}

const COMMITTED = { name: 'repositories_committed', text: BY_RUN };

const FACTS = {
  name: 'repositories_commit_facts',
  text: `SELECT w.name, w.path, w.user_id, w.repository_id, r.generation, clock_timestamp() AS received_at,
      w.deleted_at IS NULL AND EXISTS (
        SELECT 1 FROM leases l WHERE l.repository_id = w.repository_id
          AND l.agent_id = $2 AND l.fencing = $3 AND l.expires_at > clock_timestamp()
      ) AS is_lease_held
    FROM workspaces w JOIN repositories r ON r.id = w.repository_id WHERE w.id = $1`,
};

/** Together with what the workspace is known to be safe up to. */
const RESTORABLE = {
  name: 'repositories_restorable',
  text: `WITH done AS (
      UPDATE snapshots SET state = 'restorable', sealed = NULL, restorable_at = clock_timestamp()
      WHERE id = $1 AND state = 'committing' RETURNING workspace_id, started_at
    )
    UPDATE workspaces SET last_durable_at = greatest(last_durable_at, done.started_at)
    FROM done WHERE workspaces.id = done.workspace_id RETURNING workspaces.id`,
};

const COMMITTING_IN = {
  name: 'repositories_committing_in',
  text: `SELECT ${COMMITTING_COLUMNS} FROM snapshots s JOIN workspaces w ON w.id = s.workspace_id
    WHERE w.repository_id = $1 AND s.state = 'committing' AND s.sealed IS NOT NULL ORDER BY s.received_at, s.id LIMIT $2`,
};

const LEFT = {
  name: 'repositories_left_committing',
  text: `SELECT DISTINCT w.repository_id FROM snapshots s JOIN workspaces w ON w.id = s.workspace_id
    WHERE s.state = 'committing' AND s.received_at < now() - make_interval(secs => $1)`,
};
