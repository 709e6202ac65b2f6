import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../config/clock.js';
import { DoomedPackRows } from '../../repositories/doomed-pack-rows.service.js';
import { SnapshotCommits } from '../../repositories/snapshot-commits.service.js';
import { forgetSnapshots, type RepositoryLock } from '../../snapshot-engine/index.js';
import { Metrics } from '../../telemetry/metrics.js';
import { FalsePacks, type ProofOutcome } from './false-packs.service.js';
import { MaintenanceLeases, type MaintenanceLease } from './maintenance-leases.service.js';
import {
  deleteForgotten,
  loadMaintenanceFacts,
  markForgetting,
  noteDifferences,
  type MaintenanceFacts,
} from './maintenance-rows.js';
import { areProofsDue } from './proofs-due.js';
import { isPruneDue } from './prune-due.js';
import { GRACE_MS, pruneRepository, type PruneOutcome } from './prune-repository.js';
import { RepositoryAccess, type CountedRepository } from './repository-access.service.js';
import { RepositoryProblems } from './repository-problems.service.js';
import { planThinning } from './thinning-plan.js';

export interface MaintenanceOutcome {
  readonly forgotten: number;
  /** Unwanted snapshots that wait for the next run. */
  readonly deferred: number;
  readonly prune?: PruneOutcome;
  readonly proofs?: ProofOutcome;
}

/**
 * Thins out the snapshots of a workspace by its keep policy and prunes its repository. Rows decide what is kept (by the
 * server's receive times and what users protected); what other programs stored in the bucket is never forgotten. Every
 * step is repeated safely: rows are marked before objects go, and deleted after.
 */
@Injectable()
export class RepositoryMaintenance {
  private readonly forgotten;
  private readonly deletedPacks;

  constructor(
    private readonly leases: MaintenanceLeases,
    private readonly access: RepositoryAccess,
    private readonly commits: SnapshotCommits,
    private readonly doomed: DoomedPackRows,
    private readonly problems: RepositoryProblems,
    private readonly falsePacks: FalsePacks,
    private readonly database: DataSource,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.forgotten = metrics.counter('stowage_snapshots_forgotten_total', 'Snapshots that were thinned out.');
    this.deletedPacks = metrics.counter('stowage_packs_deleted_total', 'Packs that prunes deleted.');
  }

  /**
   * Costs no request when there is nothing to do.
   * @returns `busy` when another run has the repository
   * @throws RepositoryError `repository_locked`, `prune_refused` …, StorageError, CredentialsError; MaintenanceLeaseLost
   */
  run(repositoryId: string, signal: AbortSignal): Promise<MaintenanceOutcome | 'busy'> {
    return this.leases.hold(repositoryId, signal, async (lease) => {
      const facts = await loadMaintenanceFacts(this.database.manager, repositoryId);
      if (facts === undefined) return { forgotten: 0, deferred: 0 };
      const outcome = await this.maintain(lease, facts);
      await lease.transaction((manager) => this.problems.note(manager, repositoryId, 'maintenance', null));
      return outcome;
    });
  }

  private async maintain(lease: MaintenanceLease, facts: MaintenanceFacts): Promise<MaintenanceOutcome> {
    const nowMs = this.clock.now();
    const { forget, deferred } = planThinning(facts.snapshots, facts.keepPolicy, nowMs);
    const thins = forget.length + facts.forgetting > 0;
    const proves = areProofsDue(facts.proofs, nowMs);
    if (!thins && !proves && !isPruneDue(facts.prune, nowMs, GRACE_MS)) return { forgotten: 0, deferred };
    return this.access.with(lease.repositoryId, 'maintenance', async (opened) => {
      // Whatever was decided becomes visible in the bucket before anything there is judged.
      await this.commits.finishCommitting(lease.repositoryId);
      return this.access.locked(opened.repository, 'exclusive', lease.signal, async (lock) => {
        const forgotten = thins ? await this.forget(lease, facts, forget, opened, lock) : 0;
        const current = (await loadMaintenanceFacts(this.database.manager, lease.repositoryId)) ?? facts;
        const prunes = isPruneDue(current.prune, this.clock.now(), GRACE_MS);
        if (!prunes && !proves) return { forgotten, deferred };
        // First: a prune stops at a pack that is not what an index says.
        const proofs = await this.falsePacks.strike(lease, opened, fenced(lock, lease));
        if (!prunes) return { forgotten, deferred, proofs };
        return { forgotten, deferred, proofs, prune: await this.prune(lease, opened, lock) };
      });
    });
  }

  private async forget(
    lease: MaintenanceLease,
    { workspaceId }: MaintenanceFacts,
    ids: readonly string[],
    { files, repository }: CountedRepository,
    lock: RepositoryLock,
  ): Promise<number> {
    const { repositoryId, signal } = lease;
    const rows = await lease.transaction((manager) =>
      markForgetting(manager, repositoryId, workspaceId, ids),
    );
    const listedSinceMs = this.clock.now();
    const { remaining } = await forgetSnapshots(
      { files, cipher: repository.cipher },
      rows.map(({ objectId }) => objectId),
      { lock: fenced(lock, lease), signal },
    );
    await lease.transaction(async (manager) => {
      await deleteForgotten(
        manager,
        rows.map(({ id }) => id),
      );
      const { missing } = await noteDifferences(manager, repositoryId, workspaceId, {
        listed: remaining,
        listedSinceMs,
      });
      if (missing.length > 0)
        await this.problems.note(manager, repositoryId, 'check', missingSentence(missing));
    });
    this.forgotten.inc(rows.length);
    return rows.length;
  }

  private async prune(
    lease: MaintenanceLease,
    opened: CountedRepository,
    lock: RepositoryLock,
  ): Promise<PruneOutcome> {
    const outcome = await pruneRepository(lease, opened, {
      lock: fenced(lock, lease),
      doomed: this.doomed.of(lease.repositoryId),
      now: () => this.clock.now(),
    });
    this.deletedPacks.inc(outcome.deleted);
    return outcome;
  }
}

/** Both must be held for anything that removes: restic's lock in the bucket, and the right to maintain. */
function fenced(lock: RepositoryLock, lease: MaintenanceLease): Pick<RepositoryLock, 'ids' | 'assertHeld'> {
  return {
    get ids() {
      return lock.ids;
    },
    assertHeld() {
      lease.signal.throwIfAborted();
      lock.assertHeld();
    },
  };
}

function missingSentence(missing: readonly string[]): string {
  const which = missing.length === 1 ? 'A snapshot is' : `${missing.length} snapshots are`;
  return `${which} not in the bucket any more; somebody else removed what was there. Look who has access to it.`;
}
