import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../config/clock.js';
import type { JobRun } from '../../jobs/job-handler.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { DoomedPackRows } from '../../repositories/doomed-pack-rows.service.js';
import { SnapshotCommits } from '../../repositories/snapshot-commits.service.js';
import { UnprovenPacks } from '../../repositories/unproven-packs.service.js';
import {
  checkRepository,
  type CheckOptions,
  type CheckResult,
  type DoomedPacks,
} from '../../snapshot-engine/index.js';
import { Metrics } from '../../telemetry/metrics.js';
import { checkReport, checkSentence, hasDamagedData, type CheckReport } from './check-report.js';
import { checkVerdict, type CheckFinding, type StandingProblem } from './check-verdict.js';
import { EngineWorkers } from './engine-workers.service.js';
import { failureOf } from './maintenance-failure.js';
import { MaintenanceLeases, type MaintenanceLease } from './maintenance-leases.service.js';
import { RepositoryAccess } from './repository-access.service.js';
import { RepositoryProblems } from './repository-problems.service.js';

/** How much of the content is read back: nothing, the share of today, everything. */
export const READ_DATA = ['none', 'share', 'all'] as const;
export type ReadDataChoice = (typeof READ_DATA)[number];

/** So many daily checks read everything once. */
const SHARES = 30;
const DAY_MS = 86_400_000;
/** Another run has the repository: in half an hour. */
const BUSY_SECONDS = 1_800;
const PROGRESS_EVERY_MS = 2_000;

/**
 * Checks repositories: their structure, that every snapshot which the rows promise is there, and what packs hold. One at
 * a time with maintenance, which would remove what is being looked at.
 */
@Injectable()
export class RepositoryChecks {
  private readonly ended: Counter<'outcome'>;

  constructor(
    private readonly leases: MaintenanceLeases,
    private readonly access: RepositoryAccess,
    private readonly commits: SnapshotCommits,
    private readonly doomed: DoomedPackRows,
    private readonly problems: RepositoryProblems,
    private readonly unproven: UnprovenPacks,
    private readonly workers: EngineWorkers,
    private readonly jobs: Jobs,
    private readonly database: DataSource,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.ended = metrics.counter('stowage_repository_checks_total', 'Checks of repositories.', ['outcome']);
  }

  /** The daily check; a failure is noted and tried again at its time. */
  async runDue(repositoryId: string, { signal }: JobRun): Promise<void> {
    try {
      const report = await this.run(repositoryId, 'share', signal);
      if (report === 'busy') await this.database.query(CHECK_SOON, [repositoryId, BUSY_SECONDS]);
    } catch (error) {
      const failure = signal.aborted ? undefined : failureOf(error);
      if (failure === undefined) throw error;
      this.ended.inc({ outcome: 'failed' });
      await this.database.query(CHECK_SOON, [repositoryId, BUSY_SECONDS]);
      await this.database.transaction((manager) =>
        this.problems.note(manager, repositoryId, 'maintenance', failure.sentence, {
          quiet: failure.kind !== 'doubt',
        }),
      );
    }
  }

  /** The check that a user asked for, as a job; one that finds something wrong has succeeded. */
  async runJob(jobId: string, repositoryId: string, readData: ReadDataChoice, run: JobRun): Promise<void> {
    const { signal, isLastAttempt } = run;
    await this.jobs.start(jobId);
    try {
      const report = await this.run(repositoryId, readData, signal, this.progressOf(jobId));
      if (report !== 'busy') return await this.jobs.succeed(jobId, { ...report });
      if (!isLastAttempt) throw new Error('Maintenance of the repository is under way.');
      await this.jobs.fail(jobId, 'conflict', 'Maintenance of the repository is under way. Ask again later.');
    } catch (error) {
      const failure = signal.aborted ? undefined : failureOf(error);
      if (failure === undefined && !isLastAttempt) throw error;
      this.ended.inc({ outcome: 'failed' });
      const { code, sentence } = failure ?? UNEXPECTED;
      await this.jobs.fail(jobId, code, sentence);
    }
  }

  /** @throws as RepositoryMaintenance.run */
  private run(
    repositoryId: string,
    readData: ReadDataChoice,
    signal: AbortSignal,
    onRead?: (bytes: number) => void,
  ): Promise<CheckReport | 'busy'> {
    return this.leases.hold(repositoryId, signal, async (lease) => {
      const unproven = await this.unproven.of(repositoryId);
      const packs = { sound: [] as string[], unsound: [] as string[] };
      const onPackRead = (id: string, isSound: boolean): void =>
        void (isSound ? packs.sound : packs.unsound).push(id);
      const doomed = this.doomed.of(repositoryId);
      const read = this.readOf(readData);
      const result = await this.check(lease, { readData: engineRead(read), doomed, onRead, onPackRead });
      const report = checkReport(result);
      const sentence = checkSentence(report);
      const finding = { sentence, hasDamagedData: hasDamagedData(result), read };
      await lease.transaction(async (manager) => {
        await this.conclude(manager, repositoryId, finding);
        const found = { settled: packs.sound, copiesRead: [], unnamed: [] };
        await this.unproven.conclude(manager, repositoryId, unproven, found);
      });
      await this.unproven.suspect(repositoryId, packs.unsound);
      this.ended.inc({ outcome: sentence === null ? 'clean' : 'problems' });
      return report;
    });
  }

  private async conclude(manager: EntityManager, repositoryId: string, finding: CheckFinding): Promise<void> {
    const [standing] = await manager.query<StandingProblem[]>(STANDING, [repositoryId]);
    const { problem, share } = checkVerdict(standing!, finding);
    await this.problems.note(manager, repositoryId, 'check', problem);
    await manager.query(CHECKED, [repositoryId, share]);
  }

  private check(
    { repositoryId, signal }: MaintenanceLease,
    options: Pick<CheckOptions, 'readData' | 'onRead' | 'onPackRead'> & { readonly doomed: DoomedPacks },
  ): Promise<CheckResult> {
    return this.access.with(repositoryId, 'check', async ({ repository, files }) => {
      await this.commits.finishCommitting(repositoryId);
      const promised = await this.database.query<{ id: string }[]>(PROMISED, [repositoryId]);
      const { cipher, masterKey } = repository;
      // Stock restic, too, must not remove meanwhile.
      return this.access.locked(repository, 'append', signal, (lock) =>
        checkRepository(
          { files, cipher, masterKey },
          {
            ...options,
            workers: this.workers.shared,
            expectedSnapshots: promised.map(({ id }) => id),
            signal: lock.signal,
          },
        ),
      );
    });
  }

  private readOf(choice: ReadDataChoice): CheckFinding['read'] {
    return choice === 'share' ? { share: Math.floor(this.clock.now() / DAY_MS) % SHARES } : choice;
  }

  private progressOf(jobId: string): (bytes: number) => void {
    let read = 0;
    let toldMs = performance.now();
    return (bytes) => {
      read += bytes;
      if (performance.now() - toldMs < PROGRESS_EVERY_MS) return;
      toldMs = performance.now();
      // Only a look at it: the next one tells more.
      this.jobs.progress(jobId, { bytes_read: read }).catch(() => undefined);
    };
  }
}

const UNEXPECTED = {
  code: 'internal_error',
  sentence: 'Something failed that should not; the log of the server tells what.',
};

function engineRead(read: CheckFinding['read']): CheckOptions['readData'] {
  return typeof read === 'object' ? { ...read, of: SHARES } : read;
}

const STANDING = `SELECT last_check_problem AS problem, check_problem_share AS share FROM repositories WHERE id = $1`;

const CHECKED = 'UPDATE repositories SET last_checked_at = now(), check_problem_share = $2 WHERE id = $1';

const CHECK_SOON = `UPDATE repositories SET check_after = now() + $2 * interval '1 second' WHERE id = $1`;

const PROMISED = `SELECT encode(s.object_id, 'hex') AS id FROM snapshots s JOIN workspaces w ON w.id = s.workspace_id
  WHERE w.repository_id = $1 AND s.state = 'restorable'`;
