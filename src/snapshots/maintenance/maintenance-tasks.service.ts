import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';

import { JobQueue } from '../../jobs/job-queue.service.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { failureOf, type MaintenanceFailure } from './maintenance-failure.js';
import { RepositoryChecks } from './repository-checks.service.js';
import { RepositoryMaintenance } from './repository-maintenance.service.js';
import { RepositoryProblems } from './repository-problems.service.js';

export const MAINTAIN = 'repository.maintain';
export const CHECK = 'repository.check';
const LOOK_FOR_DUE = 'maintenance.due';

const LOOK_EVERY_SECONDS = 60;
/** Repositories that one look finds; the others are found by the next. */
const MAX_DUE = 500;

/** Until the next look at a repository, in seconds. */
const NEXT_LOOK = {
  /** Everything that is kept for a quarter of an hour or longer is thinned out soon after. */
  done: 1_200,
  /** More than half of it was unwanted, or there is more to read than one run reads. */
  deferred: 60,
  /** A check is under way, or another run; which one ends first is nobody's business. */
  busy: 60,
  locked: 600,
  unreachable: 600,
  doubt: 6 * 3_600,
} as const;

/** Finds out which repositories want maintenance or a check, and has it done, one run for each at a time. */
@Injectable()
export class MaintenanceTasks implements OnModuleInit {
  private readonly log = new Logger(MaintenanceTasks.name);

  constructor(
    private readonly queue: JobQueue,
    private readonly maintenance: RepositoryMaintenance,
    private readonly checks: RepositoryChecks,
    private readonly problems: RepositoryProblems,
    private readonly jobs: Jobs,
    private readonly database: DataSource,
  ) {}

  onModuleInit(): void {
    const long = { lane: 'long' } as const;
    this.queue.handle(LOOK_FOR_DUE, () => this.enqueueDue());
    this.queue.schedule(LOOK_FOR_DUE, { everySeconds: LOOK_EVERY_SECONDS });
    this.queue.handle<RepositoryPayload>(
      MAINTAIN,
      ({ repository_id: id }, { signal }) => this.maintain(id, signal),
      long,
    );
    this.queue.handle<RepositoryPayload>(
      CHECK,
      ({ repository_id: id }, run) => this.checks.runDue(id, run),
      long,
    );
  }

  /** A due repository is not due again before its run has ended, or has been lost for hours. */
  async enqueueDue(): Promise<void> {
    await this.jobs.failAbandoned([CHECK]);
    await this.database.transaction(async (manager) => {
      for (const [task, statement] of [
        [MAINTAIN, DUE_MAINTENANCE],
        [CHECK, DUE_CHECKS],
      ] as const) {
        const [due] = await manager.query<[{ id: string }[], number]>(statement, [MAX_DUE]);
        for (const { id } of due) {
          const payload: RepositoryPayload = { repository_id: id };
          await this.queue.enqueue(task, payload, { manager, jobKey: `${task}:${id}` });
        }
      }
    });
  }

  async maintain(repositoryId: string, signal: AbortSignal): Promise<void> {
    try {
      const outcome = await this.maintenance.run(repositoryId, signal);
      if (outcome === 'busy') return await this.lookAgain(repositoryId, NEXT_LOOK.busy);
      const isLeft = outcome.deferred + (outcome.proofs?.unread ?? 0) > 0;
      await this.lookAgain(repositoryId, isLeft ? NEXT_LOOK.deferred : NEXT_LOOK.done);
    } catch (error) {
      const failure = signal.aborted ? undefined : failureOf(error);
      if (failure === undefined) throw error;
      await this.noteFailure(repositoryId, failure);
    }
  }

  private async noteFailure(
    repositoryId: string,
    { code, kind, sentence }: MaintenanceFailure,
  ): Promise<void> {
    this.log.warn(`Repository ${repositoryId} was not maintained: ${code}`);
    await this.database.transaction((manager) =>
      this.problems.note(manager, repositoryId, 'maintenance', sentence, { quiet: kind !== 'doubt' }),
    );
    await this.lookAgain(repositoryId, NEXT_LOOK[kind]);
  }

  private async lookAgain(repositoryId: string, seconds: number): Promise<void> {
    await this.database.query(LOOK_AGAIN, [repositoryId, seconds]);
  }
}

type RepositoryPayload = { readonly repository_id: string };

/** Who asked for a sooner look while this one was under way gets it. */
const LOOK_AGAIN = `UPDATE repositories SET last_maintained_at = now(),
    maintain_after = least(maintain_after, now() + $2 * interval '1 second') WHERE id = $1`;

const DUE_MAINTENANCE = `UPDATE repositories SET maintain_after = now() + interval '6 hours' WHERE id IN (
    SELECT id FROM repositories WHERE state = 'ready' AND maintain_after <= now()
    ORDER BY maintain_after LIMIT $1 FOR UPDATE SKIP LOCKED
  ) RETURNING id`;

/** Of a repository that has something to lose. */
const DUE_CHECKS = `UPDATE repositories SET check_after = now() + interval '1 day' WHERE id IN (
    SELECT r.id FROM repositories r JOIN workspaces w ON w.repository_id = r.id
    WHERE r.state = 'ready' AND r.check_after <= now()
      AND EXISTS (SELECT FROM snapshots s WHERE s.workspace_id = w.id AND s.state = 'restorable')
    ORDER BY r.check_after LIMIT $1 FOR UPDATE OF r SKIP LOCKED
  ) RETURNING id`;
