import { Injectable } from '@nestjs/common';
import type { RepositoryAccess, RestoreGrant } from '../agent-protocol/messages.js';
import { Statements } from '../database/statements.js';
import { repositoryKeys } from './leases.service.js';
import { leaseLost, orderRefused } from './repositories-error.js';
import { Repositories } from './repositories.service.js';

/** By which right an agent comes to a repository: the lease of a workspace, or a restore that it was given. */
@Injectable()
export class AgentAccess {
  constructor(
    private readonly statements: Statements,
    private readonly repositories: Repositories,
  ) {}

  /**
   * The repository that the agent may read by this right.
   * @throws RepositoriesError `lease_lost`, or `order_refused` when the restore is not this agent's or has ended
   */
  async repositoryOf(agentId: string, access: RepositoryAccess): Promise<string> {
    if ('restore_id' in access) {
      const [restore] = await this.statements.query<FoundRow>(BY_RESTORE, [access.restore_id, agentId]);
      if (restore === undefined) throw orderRefused('this agent was given no such restore, or it has ended');
      return restore.repository_id;
    }
    const { workspace_id, fencing } = access;
    const [lease] = await this.statements.query<FoundRow>(BY_LEASE, [workspace_id, agentId, fencing]);
    if (lease === undefined) throw leaseLost();
    return lease.repository_id;
  }

  /**
   * What opens the repository of a restore.
   * @throws RepositoriesError as `repositoryOf`, and what opening the repository throws
   */
  async openForRestore(agentId: string, access: RepositoryAccess): Promise<RestoreGrant> {
    const { repository } = await this.repositories.open(await this.repositoryOf(agentId, access));
    return { repository: repositoryKeys(repository.grant()) };
  }
}

interface FoundRow {
  readonly repository_id: string;
}

const BY_LEASE = {
  name: 'repositories_access_by_lease',
  text: `SELECT l.repository_id FROM workspaces w JOIN leases l ON l.repository_id = w.repository_id
    WHERE w.id = $1 AND l.agent_id = $2 AND l.fencing = $3 AND l.expires_at > now() AND w.deleted_at IS NULL`,
};

const BY_RESTORE = {
  name: 'repositories_access_by_restore',
  text: `SELECT w.repository_id FROM restores t JOIN workspaces w ON w.id = t.workspace_id
    WHERE t.id = $1 AND t.agent_id = $2 AND t.finished_at IS NULL`,
};
