import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { CommitAnswer, CommitRequest } from '../agent-protocol/messages.js';
import { Statements } from '../database/statements.js';
import { Metrics } from '../telemetry/metrics.js';
import { Webhooks } from '../webhooks/webhooks.service.js';
import { fenceCommit, type PreparedCommit } from './commit-fence.js';
import { CommitRows, type CommitFacts } from './commit-rows.js';
import { assertCommit, snapshotOf } from './commit-snapshot.js';
import type { CommittingSnapshot } from './committing-snapshot.js';
import { commitRefused, indexOutOfDate, leaseLost, RepositoriesError } from './repositories-error.js';
import { Repositories } from './repositories.service.js';
import { StoredFiles } from './stored-files.service.js';

/**
 * Makes snapshots, which no agent can: the fence between a host and the history of its workspace. One transaction
 * decides (see commit-fence.ts), and from then on the snapshot will be: its object is written from the row, by this
 * call or by `finishCommitting` after a crash. Only when the object lies in the bucket is the snapshot `restorable`,
 * and only then is the agent answered.
 */
@Injectable()
export class SnapshotCommits {
  private readonly log = new Logger(SnapshotCommits.name);
  private readonly rows: CommitRows;
  private readonly seconds;
  private readonly requests;

  constructor(
    private readonly repositories: Repositories,
    private readonly stored: StoredFiles,
    private readonly webhooks: Webhooks,
    private readonly database: DataSource,
    statements: Statements,
    metrics: Metrics,
  ) {
    this.rows = new CommitRows(statements);
    this.seconds = metrics.histogram('stowage_snapshot_commit_seconds', 'Duration of commits by outcome.', [
      'outcome',
    ]);
    this.requests = metrics.histogram(
      'stowage_snapshot_provider_requests',
      'Calls to the provider that one snapshot took, its commit included.',
      [],
      [1, 2, 3, 4, 5, 6, 8, 12, 20, 50, 100, 1_000],
    );
  }

  /**
   * A commit that is repeated under its run id is answered as the first, whatever has happened since.
   * @throws RepositoriesError `lease_lost`, `commit_refused`: nothing was made. StorageError, or what opening the
   *   bucket throws: the agent repeats the commit under the same run id
   */
  async commit(agentId: string, request: CommitRequest): Promise<CommitAnswer> {
    const endTimer = this.seconds.startTimer();
    try {
      assertCommit(request);
      const snapshot = (await this.rows.committed(request)) ?? (await this.decide(agentId, request));
      if (snapshot.agentId !== agentId || snapshot.tree !== request.tree)
        throw commitRefused('its run id was used for another snapshot');
      await this.finish(snapshot);
      endTimer({ outcome: 'made' });
      return { snapshot_id: snapshot.id, object_id: snapshot.objectId };
    } catch (error) {
      endTimer({ outcome: error instanceof RepositoriesError ? 'refused' : 'failed' });
      throw error;
    }
  }

  /**
   * Writes the objects of snapshots that were decided and are not restorable yet: those of one repository, or all that
   * nobody works on any more. Safe to run in many processes at once.
   * @returns how many became restorable
   * @throws with a repository: what writing throws. Without one, failures are logged and the others go on
   */
  async finishCommitting(repositoryId?: string, signal?: AbortSignal): Promise<number> {
    if (repositoryId !== undefined) return this.finishThoseOf(repositoryId);
    let finished = 0;
    for (const id of await this.rows.repositoriesLeftCommitting()) {
      if (signal?.aborted) break;
      finished += await this.finishThoseOf(id).catch((error: unknown) => {
        this.log.warn(`Snapshots of repository ${id} cannot be finished yet: ${String(error)}`);
        return 0;
      });
    }
    return finished;
  }

  private async decide(agentId: string, request: CommitRequest): Promise<CommittingSnapshot> {
    const facts = await this.rows.facts(agentId, request);
    if (facts === undefined || !facts.isLeaseHeld) throw leaseLost();
    if (facts.generation !== request.generation) throw indexOutOfDate();
    const opened = await this.repositories.open(facts.repositoryId);
    const looks = await this.stored.assertStored(opened, request.files);
    const sealed = await opened.repository.sealFile(snapshotOf(facts, request));
    const requests = request.requests + looks + 1;
    const { cloudConfigId } = opened.row;
    const snapshot = await this.fence(facts, request, { agentId, cloudConfigId, sealed, requests });
    this.requests.observe(requests);
    return snapshot;
  }

  private fence(
    facts: CommitFacts,
    request: CommitRequest,
    prepared: PreparedCommit,
  ): Promise<CommittingSnapshot> {
    return this.database.transaction(async (manager) => {
      const { snapshot, becamePartial } = await fenceCommit(manager, facts, request, prepared);
      // Told once, not every 30 seconds for as long as a file stays unreadable.
      if (becamePartial) {
        const { userId, workspaceId, name } = facts;
        const { problem_count } = request;
        const data = {
          workspace_id: workspaceId,
          workspace_name: name,
          snapshot_id: snapshot.id,
          problem_count,
        };
        await this.webhooks.emit(manager, { userId, type: 'snapshot.partial', data });
      }
      return snapshot;
    });
  }

  private async finishThoseOf(repositoryId: string): Promise<number> {
    let finished = 0;
    for (;;) {
      const batch = await this.rows.committingIn(repositoryId);
      for (const snapshot of batch) finished += (await this.finish(snapshot)) ? 1 : 0;
      if (batch.length === 0) return finished;
    }
  }

  /** Idempotent: the object is named by its content. @returns whether it was not restorable before */
  private async finish({ id, repositoryId, objectId, sealed }: CommittingSnapshot): Promise<boolean> {
    if (sealed === null) return false;
    const { files } = await this.repositories.open(repositoryId);
    await files.save('snapshot', objectId, sealed);
    return this.rows.markRestorable(id);
  }
}
