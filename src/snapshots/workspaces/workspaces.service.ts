import { Injectable } from '@nestjs/common';
import {
  DataSource,
  type EntityManager,
  IsNull,
  type QueryDeepPartialEntity,
  QueryFailedError,
} from 'typeorm';
import { AgentNudges } from '../../agents/agent-nudges.service.js';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import type { Principal } from '../../auth/principal.js';
import { notFound, validationFailed } from '../../errors/request-errors.js';
import { Leases } from '../../repositories/leases.service.js';
import { Repositories } from '../../repositories/repositories.service.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { assertIfMatch, etagOf } from '../../rest/etag.js';
import { GENEROUS_KEEP_POLICY, type KeepPolicy } from '../../snapshot-engine/index.js';
import { SnapshotsError } from '../snapshots-error.js';
import { HostPaths } from './host-paths.service.js';
import { readKeepPolicy } from './keep-policy-json.js';
import { type ChangeWorkspaceDto, DEFAULT_INTERVAL_SECONDS, type NewWorkspaceDto } from './workspaces.dto.js';

/** Who changes a workspace, and from where. */
export interface Change {
  readonly caller: Principal;
  readonly origin: AuditOrigin;
}

/** Makes and changes workspaces, and tells their agents. */
@Injectable()
export class Workspaces {
  constructor(
    private readonly database: DataSource,
    private readonly repositories: Repositories,
    private readonly leases: Leases,
    private readonly hostPaths: HostPaths,
    private readonly nudges: AgentNudges,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Makes the workspace and its repository in the bucket that is configured now.
   * @returns its id
   * @throws RequestError `validation_failed`; SnapshotsError `no_agent`, `path_refused`, `name_taken`; and what
   *   `Repositories.create` throws. No row is left then.
   */
  async create({ caller, origin }: Change, wanted: NewWorkspaceDto): Promise<string> {
    const { userId } = caller;
    const keepPolicy = keepPolicyOf(wanted.keep_policy) ?? GENEROUS_KEEP_POLICY;
    const agent = await this.hostPaths.agent(userId, wanted.agent_id);
    const { path, isConfined } = await this.hostPaths.allowed(caller, agent, wanted.path);
    // Asked before the bucket is touched; the unique index has the last word.
    await this.assertNameFree(userId, wanted.name);
    const { id: repositoryId } = await this.repositories.create(userId);
    return this.named(wanted.name, async (manager) => {
      const { identifiers } = await manager.insert(Workspace, {
        userId,
        agentId: agent.id,
        repositoryId,
        name: wanted.name,
        path,
        isConfined,
        intervalSeconds: wanted.interval_seconds ?? DEFAULT_INTERVAL_SECONDS,
        excludes: wanted.excludes ?? [],
        keepPolicy: keepPolicy as JsonColumn,
        uploadBytesPerSecond: wanted.upload_bytes_per_second ?? null,
        paused: wanted.paused ?? false,
      });
      const id = identifiers[0]!.id as string;
      const details = { agent: agent.id, path };
      await this.audit.record(
        { ...origin, action: 'workspace.created', subject: subjectOf(id), details },
        manager,
      );
      await this.nudges.nudge(manager, agent.id);
      return id;
    });
  }

  /**
   * @throws RequestError `not_found`, `precondition_failed`, `validation_failed`; SnapshotsError `path_refused`,
   *   `name_taken`
   */
  async change(
    { caller, origin }: Change,
    id: string,
    wanted: ChangeWorkspaceDto,
    ifMatch: string | undefined,
  ): Promise<void> {
    const keepPolicy = keepPolicyOf(wanted.keep_policy);
    await this.named(wanted.name, async (manager) => {
      const before = await lockWorkspace(manager, caller.userId, id);
      assertIfMatch(ifMatch, etagOf(before.version));
      const place = await this.placeOf(caller, before, wanted);
      const restarts = place.agentId !== before.agentId || (before.paused && wanted.paused === false);
      await manager.update(
        Workspace,
        { id },
        {
          ...given(wanted),
          agentId: place.agentId,
          path: place.path,
          isConfined: place.isConfined,
          ...(keepPolicy !== undefined && { keepPolicy: keepPolicy }),
          ...(restarts && { activeSince: () => 'now()' }),
          version: before.version + 1,
        },
      );
      // Whoever had it may never commit again, and the new agent need not wait.
      if (place.agentId !== before.agentId) await this.leases.end(manager, before.repositoryId);
      const details = {
        changed: Object.keys(wanted).filter((name) => wanted[name as keyof typeof wanted] !== undefined),
      };
      await this.audit.record(
        { ...origin, action: 'workspace.changed', subject: subjectOf(id), details },
        manager,
      );
      for (const agentId of new Set([before.agentId, place.agentId]))
        await this.nudges.nudge(manager, agentId);
    });
  }

  /** Another agent or another path is looked at as if the workspace was new. */
  private async placeOf(
    caller: Principal,
    before: Workspace,
    { agent_id, path }: ChangeWorkspaceDto,
  ): Promise<Pick<Workspace, 'agentId' | 'path' | 'isConfined'>> {
    if (agent_id === undefined && path === undefined) return before;
    const agent = await this.hostPaths.agent(caller.userId, agent_id ?? before.agentId);
    return { agentId: agent.id, ...(await this.hostPaths.allowed(caller, agent, path ?? before.path)) };
  }

  private async assertNameFree(userId: number, name: string): Promise<void> {
    const isTaken = await this.database.manager.existsBy(Workspace, { userId, name, deletedAt: IsNull() });
    if (isTaken) throw nameTaken(name);
  }

  /** A transaction that may give this name. */
  private async named<T>(name: string | undefined, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await this.database.transaction(work);
    } catch (error) {
      if (name !== undefined && breaks(error, 'workspaces_name')) throw nameTaken(name);
      throw error;
    }
  }
}

/**
 * The workspace, locked until the end of the transaction.
 * @throws RequestError `not_found` when there is none, when it is another user's, or when it was deleted
 */
export async function lockWorkspace(manager: EntityManager, userId: number, id: string): Promise<Workspace> {
  const workspace = await manager.findOne(Workspace, {
    where: { id, userId, deletedAt: IsNull() },
    lock: { mode: 'pessimistic_write' },
  });
  if (workspace === null) throw notFound('workspace');
  return workspace;
}

/** Of what it is done to, in jobs and in the audit log. */
export function subjectOf(workspaceId: string): string {
  return `workspace:${workspaceId}`;
}

/** TypeORM takes the values of a plain object for nested entities. */
type JsonColumn = QueryDeepPartialEntity<Workspace>['keepPolicy'];

function given(wanted: ChangeWorkspaceDto): QueryDeepPartialEntity<Workspace> {
  const { name, interval_seconds, excludes, upload_bytes_per_second, paused } = wanted;
  return {
    ...(name !== undefined && { name }),
    ...(interval_seconds !== undefined && { intervalSeconds: interval_seconds }),
    ...(excludes !== undefined && { excludes }),
    ...(upload_bytes_per_second !== undefined && { uploadBytesPerSecond: upload_bytes_per_second }),
    ...(paused !== undefined && { paused }),
  };
}

/** @throws RequestError `validation_failed` */
function keepPolicyOf(value: unknown): KeepPolicy | undefined {
  if (value === undefined) return undefined;
  const read = readKeepPolicy(value);
  if ('errors' in read) throw validationFailed(read.errors);
  return read.policy;
}

function nameTaken(name: string): SnapshotsError {
  return new SnapshotsError(
    'name_taken',
    `You have a workspace called ${name} already. Choose another name.`,
  );
}

function breaks(error: unknown, constraint: string): boolean {
  const cause =
    error instanceof QueryFailedError ? (error.driverError as { constraint?: string }) : undefined;
  return cause?.constraint === constraint;
}
