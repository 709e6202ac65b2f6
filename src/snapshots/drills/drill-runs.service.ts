import { join } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import type { Counter, Histogram } from 'prom-client';
import { DataSource } from 'typeorm';
import { Config } from '../../config/config.js';
import { Notifications } from '../../database/notifications.service.js';
import { RESTORE_CHANGES_CHANNEL } from '../../repositories/restore-changes.js';
import { Proofs } from '../../repositories/proofs.service.js';
import { UnprovenPacks } from '../../repositories/unproven-packs.service.js';
import type { Progress } from '../../snapshot-engine/index.js';
import { Metrics } from '../../telemetry/metrics.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { EngineWorkers } from '../maintenance/engine-workers.service.js';
import { failureOf as reasonOf } from '../job-failure.js';
import { failureOf } from '../maintenance/maintenance-failure.js';
import { RepositoryAccess } from '../maintenance/repository-access.service.js';
import {
  endDrill,
  noteProgress,
  openDrills,
  startDrill,
  type DrillEnd,
  type DrillRow,
} from './drill-rows.js';
import { drillVerdict } from './drill-verdict.js';
import { rehearseRestore } from './rehearse-restore.js';
import { ScratchSpace } from './scratch-space.js';

/** Larger snapshots are rehearsed in part: a proof that takes a day is none. */
const MAX_DRILL_BYTES = 50 * 1_024 ** 3;
const DEADLINE_MS = 4 * 3_600_000;
const PROGRESS_EVERY_MS = 2_000;

export interface DrillAttempt {
  readonly signal: AbortSignal;
  /** A bucket that cannot be reached ends the drill; otherwise it is tried again. */
  readonly isLastAttempt: boolean;
}

/** Restores a snapshot into scratch space, timed, reads it back, writes down what was proven, and clears up. */
@Injectable()
export class DrillRuns {
  private readonly log = new Logger(DrillRuns.name);
  private readonly scratch: ScratchSpace;
  private readonly ended: Counter<'outcome'>;
  private readonly seconds: Histogram;

  constructor(
    private readonly access: RepositoryAccess,
    private readonly workers: EngineWorkers,
    private readonly proofs: Proofs,
    private readonly unproven: UnprovenPacks,
    private readonly webhooks: Webhooks,
    private readonly notifications: Notifications,
    private readonly database: DataSource,
    config: Config,
    metrics: Metrics,
  ) {
    this.scratch = new ScratchSpace(join(config.dataDir, 'drills'));
    this.ended = metrics.counter('stowage_drills_total', 'Restore drills.', ['outcome']);
    this.seconds = metrics.histogram(
      'stowage_drill_duration_seconds',
      'From begin to end of a restore drill.',
    );
  }

  /**
   * @returns how it ended, also when that was before; undefined: it had ended already
   * @throws what a later attempt may overcome
   */
  async run(drillId: string, attempt: DrillAttempt): Promise<DrillEnd | undefined> {
    const row = await startDrill(this.database.manager, drillId, this.scratch.pathOf(drillId));
    if (row === undefined) return undefined;
    if (row.state === 'cancelling') return this.end(row, { state: 'cancelled' });
    await this.removeLeftovers(drillId);
    try {
      return await this.end(row, await this.rehearse(row, attempt));
    } finally {
      await this.scratch.remove(drillId);
    }
  }

  private async rehearse(row: DrillRow, { signal, isLastAttempt }: DrillAttempt): Promise<DrillEnd> {
    const cancelled = new AbortController();
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const startedMs = performance.now();
    try {
      const limitBytes = Math.min(MAX_DRILL_BYTES, await this.scratch.roomBytes());
      const outcome = await this.access.with(row.repositoryId, 'drill', (opened) =>
        rehearseRestore(opened, {
          objectId: row.objectId,
          target: this.scratch.pathOf(row.id),
          limitBytes,
          workers: this.workers.shared,
          random: Math.random,
          signal: AbortSignal.any([signal, cancelled.signal, deadline]),
          onProgress: this.teller(row.id, cancelled),
        }),
      );
      await this.unproven.suspect(
        row.repositoryId,
        outcome.restored.badPacks.map(({ packId }) => packId),
      );
      return drillVerdict(outcome, Math.round(performance.now() - startedMs));
    } catch (error) {
      if (signal.aborted) throw error;
      if (cancelled.signal.aborted) return { state: 'cancelled' };
      if (deadline.aborted) return TOO_SLOW;
      const failure = failureOf(error);
      if (failure?.kind !== 'doubt' && !isLastAttempt) throw error;
      this.log.warn(`The drill ${row.id} failed`, error);
      return { state: 'failed', ...reasonOf(error) };
    }
  }

  private end(row: DrillRow, end: DrillEnd): Promise<DrillEnd> {
    const { id, userId, workspaceId, workspaceName, snapshotId } = row;
    const facts = {
      workspace_id: workspaceId,
      workspace_name: workspaceName,
      restore_id: id,
      snapshot_id: snapshotId,
    };
    return this.database.transaction(async (manager) => {
      if (!(await endDrill(manager, id, end))) return end;
      await this.proofs.record(manager, id);
      const { state, result, code = '', detail = '' } = end;
      if (state === 'succeeded' && result !== undefined) {
        const { duration_ms, files, bytes } = result;
        const data = { ...facts, duration_ms, files, bytes };
        await this.webhooks.emit(manager, { userId, type: 'drill.finished', data });
        this.seconds.observe(duration_ms / 1_000);
      } else if (state !== 'cancelled') {
        const data = { ...facts, code, detail };
        await this.webhooks.emit(manager, { userId, type: 'drill.failed', data });
      }
      await this.notifications.notify(manager, RESTORE_CHANGES_CHANNEL, id);
      this.ended.inc({ outcome: state });
      return end;
    });
  }

  /** Of drills that were killed; one that runs elsewhere on the same disk is left alone. */
  private async removeLeftovers(drillId: string): Promise<void> {
    const found = await this.scratch.drills();
    const open = new Set(await openDrills(this.database.manager, found));
    // Its own is of an attempt that was broken off: a proof begins with nothing.
    for (const id of found) if (id === drillId || !open.has(id)) await this.scratch.remove(id);
  }

  /** Tells how far it is, and hears whether somebody has cancelled it. */
  private teller(id: string, cancelled: AbortController): (progress: Progress) => void {
    let toldMs = -Infinity;
    return (progress) => {
      if (performance.now() - toldMs < PROGRESS_EVERY_MS) return;
      toldMs = performance.now();
      this.tell(id, progress).then(
        (goesOn) => goesOn || cancelled.abort(),
        (error: unknown) => this.log.warn('The progress of a drill could not be told', error),
      );
    };
  }

  private async tell(id: string, progress: Progress): Promise<boolean> {
    const goesOn = await noteProgress(this.database.manager, id, {
      files_done: progress.filesDone,
      files_total: progress.filesTotal ?? 0,
      bytes_done: progress.bytesDone,
      bytes_total: progress.bytesTotal ?? 0,
      bytes_per_second: progress.bytesPerSecond,
      ...(progress.remainingMs !== undefined && { remaining_ms: progress.remainingMs }),
    });
    await this.notifications.notify(this.database.manager, RESTORE_CHANGES_CHANNEL, id);
    return goesOn;
  }
}

const TOO_SLOW: DrillEnd = {
  state: 'failed',
  code: 'timed_out',
  detail: `The restore was not done within ${DEADLINE_MS / 3_600_000} hours. Look how fast the bucket can be read.`,
};
