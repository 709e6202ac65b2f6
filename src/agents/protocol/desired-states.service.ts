import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type {
  DesiredRestore,
  DesiredState,
  DesiredWorkspace,
  PathBounds,
} from '../../agent-protocol/messages.js';
import { Config } from '../../config/config.js';
import { Statements } from '../../database/statements.js';
import { agentRemoved } from '../agents-error.js';

const REVISION_CHARS = 32;

/** Restores that wait for a decision are not named: there is nothing to do. */
const DESIRED = {
  name: 'agents_desired_state',
  text: `
    SELECT a.name, a.is_embedded,
      (SELECT coalesce(json_agg(json_build_object(
          'id', w.id, 'name', w.name, 'path', w.path, 'interval_seconds', w.interval_seconds,
          'excludes', w.excludes, 'upload_bytes_per_second', w.upload_bytes_per_second, 'paused', w.paused,
          'requested_run_id', w.requested_run_id, 'is_confined', w.is_confined) ORDER BY w.id), '[]')
        FROM workspaces w WHERE w.agent_id = a.id AND w.deleted_at IS NULL) AS workspaces,
      (SELECT coalesce(json_agg(json_build_object(
          'id', r.id, 'workspace_id', r.workspace_id, 'snapshot', encode(r.snapshot_object_id, 'hex'),
          'phase', CASE r.state WHEN 'planning' THEN 'plan' WHEN 'running' THEN 'run' ELSE 'cancel' END,
          'paths', r.paths, 'target', r.target, 'destination', r.destination, 'mirror', r.mirror,
          'is_confined', r.is_confined)
          ORDER BY r.created_at, r.id), '[]')
        FROM restores r
        WHERE r.agent_id = a.id AND r.finished_at IS NULL AND r.kind = 'restore' AND r.state <> 'planned') AS restores
      FROM agents a WHERE a.id = $1 AND a.removed_at IS NULL`,
};

/** Without its bounds, which the configuration has. */
type Unbounded<Desired> = Omit<Desired, 'bounds'> & { readonly is_confined: boolean };

interface DesiredRow {
  readonly name: string;
  readonly is_embedded: boolean;
  readonly workspaces: readonly Unbounded<DesiredWorkspace>[];
  readonly restores: readonly Unbounded<DesiredRestore>[];
}

/** What an agent shall do, from the rows as they are: one statement. */
@Injectable()
export class DesiredStates {
  constructor(
    private readonly statements: Statements,
    private readonly config: Config,
  ) {}

  /** @throws AgentsError `agent_removed` */
  async of(agentId: string): Promise<DesiredState> {
    const [row] = await this.statements.query<DesiredRow>(DESIRED, [agentId]);
    if (row === undefined) throw agentRemoved();
    const bounded = <Desired>({ is_confined, ...desired }: Unbounded<Desired>) => ({
      ...desired,
      ...(row.is_embedded && { bounds: this.bounds(is_confined) }),
    });
    const content = {
      agent: { id: agentId, name: row.name },
      workspaces: row.workspaces.map((each) => bounded<DesiredWorkspace>(each)),
      restores: row.restores.map((each) => bounded<DesiredRestore>(each)),
    };
    return { revision: revisionOf(content), ...content };
  }

  /** On this machine. */
  private bounds(isConfined: boolean): PathBounds {
    const { dataDir, env } = this.config;
    return { roots: isConfined ? env.WORKSPACE_ROOTS : null, forbidden: [dataDir] };
  }
}

/** The same for the same content, on every replica and after every restart. */
function revisionOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, REVISION_CHARS);
}
