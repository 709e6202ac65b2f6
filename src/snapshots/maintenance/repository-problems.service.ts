import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Webhooks } from '../../webhooks/webhooks.service.js';

/** Whose finding it is; each has its own sentence in the repository's row. */
export type ProblemSource = 'maintenance' | 'check';

const COLUMNS: Readonly<Record<ProblemSource, string>> = {
  maintenance: 'last_maintenance_problem',
  check: 'last_check_problem',
};

/** Keeps what is wrong with a repository, and tells it once. */
@Injectable()
export class RepositoryProblems {
  constructor(private readonly webhooks: Webhooks) {}

  /**
   * @param problem a sentence that a user can act on; null: nothing is wrong (any more)
   * @param options.quiet not worth an event: it passes by itself
   */
  async note(
    manager: EntityManager,
    repositoryId: string,
    source: ProblemSource,
    problem: string | null,
    { quiet = false }: { readonly quiet?: boolean } = {},
  ): Promise<void> {
    const column = COLUMNS[source];
    const isDoubt = problem !== null && !quiet;
    const [changed] = await manager.query<[Changed[], number]>(
      `UPDATE repositories r SET ${column} = $2,
          maintenance_doubt = CASE WHEN $4 THEN $3 ELSE r.maintenance_doubt END
        FROM workspaces w
        WHERE r.id = $1 AND w.repository_id = r.id AND r.${column} IS DISTINCT FROM $2
        RETURNING r.user_id, w.id AS workspace_id, w.name AS workspace_name`,
      [repositoryId, problem, isDoubt, source === 'maintenance'],
    );
    const [row] = changed;
    if (row === undefined || !isDoubt) return;
    const { user_id: userId, workspace_id, workspace_name } = row;
    const data = { workspace_id, workspace_name, repository_id: repositoryId, detail: problem };
    await this.webhooks.emit(manager, { userId, type: 'repository.problem', data });
  }
}

interface Changed {
  readonly user_id: number;
  readonly workspace_id: string;
  readonly workspace_name: string;
}
