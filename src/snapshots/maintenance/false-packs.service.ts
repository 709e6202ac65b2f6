import { Injectable } from '@nestjs/common';
import { Clock } from '../../config/clock.js';
import { DoomedPackRows } from '../../repositories/doomed-pack-rows.service.js';
import { Leases } from '../../repositories/leases.service.js';
import { UnprovenPacks, type UnprovenPackState } from '../../repositories/unproven-packs.service.js';
import { strikeFalsePacks, type RepositoryLock, type StrikeResult } from '../../snapshot-engine/index.js';
import { Metrics } from '../../telemetry/metrics.js';
import { EngineWorkers } from './engine-workers.service.js';
import type { MaintenanceLease } from './maintenance-leases.service.js';
import type { CountedRepository } from './repository-access.service.js';
import { RepositoryProblems } from './repository-problems.service.js';
import { deleteStoredRows } from './stored-rows.js';
import { strikeSentence } from './strike-sentence.js';

export interface ProofOutcome {
  readonly proven: number;
  readonly struck: number;
  /** Packs of a former agent that are left for the next run. */
  readonly unread: number;
}

/** Reads packs that nobody but the host which stored them has read, and takes those off the index that lie. */
@Injectable()
export class FalsePacks {
  private readonly proven;
  private readonly struck;

  constructor(
    private readonly unproven: UnprovenPacks,
    private readonly doomed: DoomedPackRows,
    private readonly leases: Leases,
    private readonly problems: RepositoryProblems,
    private readonly workers: EngineWorkers,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.proven = metrics.counter(
      'stowage_packs_proven_total',
      'Packs that were read as a whole after a handover.',
    );
    this.struck = metrics.counter(
      'stowage_packs_struck_total',
      'Packs that did not hold what an index said.',
    );
  }

  /** @throws what strikeFalsePacks does; MaintenanceLeaseLost */
  async strike(
    lease: MaintenanceLease,
    { files, repository }: CountedRepository,
    lock: Pick<RepositoryLock, 'ids' | 'assertHeld'>,
  ): Promise<ProofOutcome> {
    const { repositoryId, signal } = lease;
    const packs = await this.unproven.of(repositoryId);
    if (packs.length === 0) return { proven: 0, struck: 0, unread: 0 };
    const { cipher, masterKey } = repository;
    const result = await strikeFalsePacks(
      { files, cipher, masterKey },
      {
        lock,
        doomed: this.doomed.of(repositoryId),
        now: () => this.clock.now(),
        workers: this.workers.shared,
        unproven: new Set(idsOf(packs)),
        suspects: idsOf(packs.filter(({ isSuspect }) => isSuspect)),
        fresh: idsOf(packs.filter(({ areCopiesRead }) => !areCopiesRead)),
        onFound: (ids) => this.unproven.suspect(repositoryId, ids),
        signal,
      },
    );
    await this.conclude(lease, packs, result);
    const { proven, struck, unread } = result;
    this.proven.inc(proven.length);
    this.struck.inc(struck.length);
    return { proven: proven.length, struck: struck.length, unread };
  }

  private conclude(
    lease: MaintenanceLease,
    packs: readonly UnprovenPackState[],
    result: StrikeResult,
  ): Promise<void> {
    const { repositoryId } = lease;
    const { proven, struck, copiesProven, unnamed, removedIndexes, lostBlobs, affected } = result;
    return lease.transaction(async (manager) => {
      await this.unproven.conclude(manager, repositoryId, packs, {
        settled: [...proven, ...idsOf(struck)],
        copiesRead: copiesProven,
        unnamed,
      });
      await deleteStoredRows(manager, repositoryId, removedIndexes);
      // Its agent begins anew with an index that lacks them, and stores once more what it still has.
      if (lostBlobs > 0) await this.leases.end(manager, repositoryId);
      const sentence = strikeSentence(result);
      if (sentence === undefined) return;
      // What is lost stands until a check finds it again; of the rest people are told, and it is mended.
      const source = affected.length > 0 ? 'check' : 'maintenance';
      await this.problems.note(manager, repositoryId, source, sentence);
      if (affected.length > 0) await manager.query(CHECK_SOON, [repositoryId]);
    });
  }
}

/** The agent has looked at everything by then. */
const CHECK_SOON = `UPDATE repositories SET check_after = least(check_after, now() + interval '1 hour') WHERE id = $1`;

function idsOf(packs: readonly { readonly id: string }[]): string[] {
  return packs.map(({ id }) => id);
}
