import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AgentNudges } from '../../agents/agent-nudges.service.js';
import { AuditLog } from '../../auth/audit-log.service.js';
import { notFound, validationFailed } from '../../errors/request-errors.js';
import { restoreState } from '../../repositories/repositories-error.js';
import { RestoreSteps } from '../../repositories/restore-steps.service.js';
import { Restore } from '../../repositories/restore.entity.js';
import { SnapshotRow } from '../../repositories/snapshot.entity.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { SnapshotsError } from '../snapshots-error.js';
import { type ChosenAgent, HostPaths } from '../workspaces/host-paths.service.js';
import type { Change } from '../workspaces/workspaces.service.js';
import { needsConfirmation, relativePath, restoreProblems, targetBeside } from './restore-order.js';
import type { NewRestoreDto } from './restores.dto.js';

/** Orders restores, and what people decide about them; agents do them and tell how far they are. */
@Injectable()
export class Restores {
  constructor(
    private readonly database: DataSource,
    private readonly hostPaths: HostPaths,
    private readonly steps: RestoreSteps,
    private readonly nudges: AgentNudges,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Asks an agent for a plan.
   * @returns the restore's id
   * @throws RequestError `validation_failed`, `not_found`; SnapshotsError `no_snapshot`, `no_agent`, `path_refused`,
   *   `confirmation_required`
   */
  async order({ caller, origin }: Change, wanted: NewRestoreDto): Promise<string> {
    const problems = restoreProblems(wanted);
    if (problems.length > 0) throw validationFailed(problems);
    const { snapshot, workspace } = await this.sourceOf(caller.userId, wanted);
    const agent = await this.hostPaths.agent(caller.userId, wanted.agent_id ?? workspace.agentId);
    const isInPlace = wanted.destination === 'in-place';
    const defaultTarget = isInPlace ? workspace.path : targetBeside(workspace.path, snapshot.receivedAt);
    const place = wanted.target ?? defaultTarget;
    const { path: target, isConfined } = await this.hostPaths.allowed(caller, agent, place, '/target');
    assertConfirmed(wanted, target, workspace, agent);
    return this.database.transaction(async (manager) => {
      const { identifiers } = await manager.insert(Restore, {
        userId: caller.userId,
        workspaceId: workspace.id,
        snapshotId: snapshot.id,
        snapshotObjectId: snapshot.objectId,
        agentId: agent.id,
        paths: (wanted.paths ?? []).map((path) => relativePath(path)!),
        target,
        isConfined,
        destination: wanted.destination ?? 'new-directory',
        mirror: wanted.mirror ?? false,
        startsByItself: wanted.start ?? false,
      });
      const id = identifiers[0]!.id as string;
      const details = { snapshot: snapshot.id, agent: agent.id, target, in_place: isInPlace };
      await this.audit.record(
        { ...origin, action: 'restore.ordered', subject: subjectOf(id), details },
        manager,
      );
      await this.nudges.nudge(manager, agent.id);
      return id;
    });
  }

  /** Does what was planned. @throws RequestError `not_found`; RepositoriesError `restore_state` */
  start(change: Change, id: string): Promise<void> {
    return this.step(change, id, 'started', (manager) => this.steps.start(manager, id));
  }

  /** Stops it; what was restored stays. @throws RequestError `not_found`; RepositoriesError `restore_state` */
  cancel(change: Change, id: string): Promise<void> {
    return this.step(change, id, 'cancelled', (manager) => this.steps.cancel(manager, id));
  }

  private step(
    { caller, origin }: Change,
    id: string,
    verb: string,
    take: (manager: EntityManager) => Promise<void>,
  ): Promise<void> {
    return this.database.transaction(async (manager) => {
      const restore = await manager.findOneBy(Restore, { id, userId: caller.userId });
      if (restore === null) throw notFound('restore');
      // No agent could be told.
      if (restore.agentId === null)
        throw restoreState(restore.state, 'It is a drill, which the server ends itself.');
      await take(manager);
      await this.audit.record({ ...origin, action: `restore.${verb}`, subject: subjectOf(id) }, manager);
      await this.nudges.nudge(manager, restore.agentId);
    });
  }

  private async sourceOf(
    userId: number,
    { snapshot_id, workspace_id }: NewRestoreDto,
  ): Promise<{ readonly snapshot: SnapshotRow; readonly workspace: Workspace }> {
    const { manager } = this.database;
    if (workspace_id !== undefined) {
      const workspace = await manager.findOneBy(Workspace, { id: workspace_id, userId });
      if (workspace === null) throw notFound('workspace');
      const newest = await manager.findOne(SnapshotRow, {
        where: { workspaceId: workspace_id, state: 'restorable' },
        order: { receivedAt: 'DESC', id: 'DESC' },
      });
      if (newest === null)
        throw new SnapshotsError('no_snapshot', 'The workspace has no snapshot yet. Take one first.');
      return { snapshot: newest, workspace };
    }
    const snapshot = await manager.findOneBy(SnapshotRow, { id: snapshot_id, userId, state: 'restorable' });
    if (snapshot === null) throw notFound('snapshot');
    return { snapshot, workspace: await manager.findOneByOrFail(Workspace, { id: snapshot.workspaceId }) };
  }
}

function assertConfirmed(
  wanted: NewRestoreDto,
  target: string,
  workspace: Workspace,
  agent: ChosenAgent,
): void {
  const isOnSameHost = agent.id === workspace.agentId;
  if (wanted.confirm_in_place === true) return;
  if (!needsConfirmation(wanted, target, { path: workspace.path, isOnSameHost })) return;
  throw new SnapshotsError(
    'confirmation_required',
    `This would change or delete files in ${target} itself. Send confirm_in_place: true if that is meant, ` +
      'or restore into a new directory.',
  );
}

function subjectOf(restoreId: string): string {
  return `restore:${restoreId}`;
}
