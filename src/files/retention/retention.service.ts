import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { SyncSettingsStore } from '../../sync-settings/sync-settings-store.js';
import { BucketEpochs } from '../epoch/bucket-epochs.js';
import { planChanged } from '../file-errors.js';
import { sweepFailureOf } from '../sweeps/sweep-failure.js';
import { allowedFiles, type ConfirmedPlan, cutoffOf, planRetention } from './plan-retention.js';
import { type AgedFile, RetentionRows } from './retention-rows.js';
import { RetentionState } from './retention-state.entity.js';

const DAY_MS = 24 * 3_600_000;
const FILES_AT_ONCE = 1_000;
/** In a preview. */
const FIRST_FILES = 50;
/** A cutoff beyond what a date can say means that everything is kept. */
const OLDEST_CUTOFF_MS = Date.UTC(1000, 0, 1);

export interface RetentionPreview {
  readonly retentionDays: number;
  readonly cutoff: Date;
  readonly files: number;
  readonly bytes: number;
  /** As many would go in one run without being asked for. */
  readonly allowedFiles: number;
  /** The oldest. */
  readonly first: readonly AgedFile[];
}

/** Puts files that are older than their user wants to keep them into the trash. */
@Injectable()
export class Retention {
  private readonly log = new Logger(Retention.name);
  private readonly rows: RetentionRows;

  constructor(
    private readonly database: DataSource,
    private readonly settings: SyncSettingsStore,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {
    this.rows = new RetentionRows(database, audit);
  }

  /** What would go if this were the setting now; the user's own when absent. */
  async preview(userId: number, asked?: number): Promise<RetentionPreview> {
    const retentionDays = asked ?? (await this.settings.read(userId)).retentionDays;
    const cutoffMs = this.cutoff(retentionDays);
    const { files, bytes, allFiles } = await this.rows.count(userId, cutoffMs);
    const first = await this.rows.first(userId, cutoffMs, FIRST_FILES);
    const cutoff = new Date(cutoffMs);
    return { retentionDays, cutoff, files, bytes, allowedFiles: allowedFiles(allFiles), first };
  }

  /** @returns undefined before the first run */
  async state(userId: number): Promise<RetentionState | undefined> {
    return (await this.database.manager.findOneBy(RetentionState, { userId })) ?? undefined;
  }

  /**
   * Agrees to exactly the plan that waits; the next run, within minutes, carries it out.
   * @throws FilesError `plan_changed`
   */
  async confirm(userId: number, plan: ConfirmedPlan, origin: AuditOrigin): Promise<RetentionState> {
    return this.database.transaction(async (manager) => {
      const lock = { mode: 'pessimistic_write' } as const;
      const state = await manager.findOne(RetentionState, { where: { userId }, lock });
      if (state?.state !== 'asking') throw planChanged('Retention does not wait for a confirmation.');
      const { plannedFiles, plannedCutoff } = state;
      if (plannedFiles !== plan.files || plannedCutoff?.getTime() !== plan.cutoffMs)
        throw planChanged(
          `It waits for the confirmation of ${plannedFiles} files that were uploaded before ${plannedCutoff?.toISOString()}.`,
        );
      const changed = { confirmed: true, nextRunAt: new Date(this.clock.now()) };
      await manager.update(RetentionState, { userId }, changed);
      const details = { files: plan.files, uploaded_before: plannedCutoff.toISOString() };
      const action = 'retention.confirmed';
      await this.audit.record({ ...origin, action, subject: `user:${userId}`, details }, manager);
      return { ...state, ...changed };
    });
  }

  /** @returns users whose turn it is; they have another one in a day */
  takeDue(limit: number): Promise<number[]> {
    return this.rows.takeDue(limit);
  }

  /** One user's turn. May be repeated after a crash, and may run twice at a time. @returns how many files went */
  async run(userId: number, signal: AbortSignal): Promise<number> {
    const { retentionDays } = await this.settings.read(userId);
    const state = await this.state(userId);
    const confirmed = confirmedPlan(state);
    const nowMs = this.clock.now();
    const cutoffMs = this.cutoff(retentionDays);
    const countedMs = confirmed === undefined ? cutoffMs : Math.min(confirmed.cutoffMs, cutoffMs);
    let plan = planRetention(await this.rows.count(userId, countedMs), cutoffMs, confirmed);
    // What was confirmed is done, or does not hold any more: from here on it is a day like any other.
    if (plan.kind !== 'trash' && confirmed !== undefined)
      plan = planRetention(await this.rows.count(userId, cutoffMs), cutoffMs, undefined);
    const checked = { userId, retentionDays, checkedAt: new Date(nowMs) };
    if (plan.kind === 'ask') {
      await this.save({ ...checked, ...NOT_ASKING, ...askingFor(plan) });
      return 0;
    }
    if (plan.kind === 'nothing') {
      await this.save({ ...checked, ...NOT_ASKING });
      return 0;
    }
    const { open, problem } = await this.openBuckets(userId, plan.cutoffMs, signal);
    const trashed = await this.trash(userId, plan.cutoffMs, open, plan.mostFiles, signal);
    const last = trashed > 0 && { lastTrashedFiles: trashed, lastTrashedAt: new Date(nowMs) };
    const locked = problem !== undefined && ({ state: 'locked', detail: problem } as const);
    await this.save({ ...checked, ...NOT_ASKING, ...last, ...locked });
    return trashed;
  }

  private async trash(
    userId: number,
    cutoffMs: number,
    configIds: readonly number[],
    most: number,
    signal: AbortSignal,
  ): Promise<number> {
    let trashed = 0;
    while (trashed < most && configIds.length > 0) {
      signal.throwIfAborted();
      const limit = Math.min(FILES_AT_ONCE, most - trashed);
      const some = await this.rows.trash(userId, cutoffMs, configIds, limit, this.clock.now());
      trashed += some;
      if (some < limit) break;
    }
    if (trashed > 0) this.log.log(`${trashed} files of user ${userId} went into the trash by their age`);
    return trashed;
  }

  /** Those whose rows count: what a restored database takes for old may have been replaced since. */
  private async openBuckets(userId: number, cutoffMs: number, signal: AbortSignal) {
    const open: number[] = [];
    let problem: string | undefined;
    for (const configId of await this.rows.buckets(userId, cutoffMs)) {
      try {
        await this.epochs.assertCurrent(await this.storages.byConfigId(userId, configId), signal);
        open.push(configId);
      } catch (error) {
        const failure = signal.aborted ? undefined : sweepFailureOf(error);
        if (failure === undefined) throw error;
        problem ??= failure.detail;
      }
    }
    return { open, problem };
  }

  private async save(state: Partial<RetentionState> & { readonly userId: number }): Promise<void> {
    const nextRunAt = new Date(this.clock.now() + DAY_MS);
    await this.database.manager.upsert(RetentionState, { ...state, nextRunAt }, ['userId']);
  }

  private cutoff(retentionDays: number): number {
    return Math.max(OLDEST_CUTOFF_MS, cutoffOf(retentionDays, this.clock.now()));
  }
}

const NOT_ASKING = {
  state: 'idle',
  detail: null,
  plannedFiles: null,
  plannedBytes: null,
  plannedCutoff: null,
  confirmed: false,
} as const;

function askingFor({ files, bytes, cutoffMs }: { files: number; bytes: number; cutoffMs: number }) {
  const plannedCutoff = new Date(cutoffMs);
  const detail =
    `${files} files are older than you keep them: more than go into the trash unasked. ` +
    'Look at GET /api/v1/retention/preview, then confirm with POST /api/v1/retention/confirm or change retention_days.';
  return { state: 'asking', detail, plannedFiles: files, plannedBytes: bytes, plannedCutoff } as const;
}

function confirmedPlan(state: RetentionState | undefined): ConfirmedPlan | undefined {
  if (state?.confirmed !== true || state.plannedCutoff === null) return undefined;
  return { files: state.plannedFiles ?? 0, cutoffMs: state.plannedCutoff.getTime() };
}
