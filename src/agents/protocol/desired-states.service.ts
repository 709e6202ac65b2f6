import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { DesiredRestore, DesiredState, DesiredWorkspace } from '../../agent-protocol/messages.js';
import { Statements } from '../../database/statements.js';
import { agentRemoved } from '../agents-error.js';

const REVISION_CHARS = 32;

/** Restores that wait for a decision are not named: there is nothing to do. */
const DESIRED = {
  name: 'agents_desired_state',
  text: `
    SELECT a.name,
      (SELECT coalesce(json_agg(json_build_object(
          'id', w.id, 'name', w.name, 'path', w.path, 'interval_seconds', w.interval_seconds,
          'excludes', w.excludes, 'upload_bytes_per_second', w.upload_bytes_per_second, 'paused', w.paused,
          'requested_run_id', w.requested_run_id) ORDER BY w.id), '[]')
        FROM workspaces w WHERE w.agent_id = a.id AND w.deleted_at IS NULL) AS workspaces,
      (SELECT coalesce(json_agg(json_build_object(
          'id', r.id, 'workspace_id', r.workspace_id, 'snapshot', encode(r.snapshot_object_id, 'hex'),
          'phase', CASE r.state WHEN 'planning' THEN 'plan' WHEN 'running' THEN 'run' ELSE 'cancel' END,
          'paths', r.paths, 'target', r.target, 'destination', r.destination, 'mirror', r.mirror)
          ORDER BY r.created_at, r.id), '[]')
        FROM restores r
        WHERE r.agent_id = a.id AND r.finished_at IS NULL AND r.kind = 'restore' AND r.state <> 'planned') AS restores
      FROM agents a WHERE a.id = $1 AND a.removed_at IS NULL`,
};

interface DesiredRow {
  readonly name: string;
  readonly workspaces: readonly DesiredWorkspace[];
  readonly restores: readonly DesiredRestore[];
}

/** What an agent shall do, from the rows as they are: one statement. */
@Injectable()
export class DesiredStates {
  constructor(private readonly statements: Statements) {}

  /** @throws AgentsError `agent_removed` */
  async of(agentId: string): Promise<DesiredState> {
    const [row] = await this.statements.query<DesiredRow>(DESIRED, [agentId]);
    if (row === undefined) throw agentRemoved();
    const { name, workspaces, restores } = row;
    const content = { agent: { id: agentId, name }, workspaces, restores };
    return { revision: revisionOf(content), ...content };
  }
}

/** The same for the same content, on every replica and after every restart. */
function revisionOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, REVISION_CHARS);
}
