import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../config/clock.js';
import { type OpenedConfig, CloudStorages } from '../credentials/cloud-storages.service.js';
import { CredentialsError } from '../credentials/credentials-error.js';
import { StowageError } from '../errors/stowage-error.js';
import { ByteBudget } from '../files/byte-budget.js';
import { BucketEpochs } from '../files/epoch/bucket-epochs.js';
import { PartBuffers } from '../files/part-buffers.js';
import { SMALL_UPLOAD_BYTES } from '../files/upload-limits.js';
import type { JobRun } from '../jobs/job-handler.js';
import { JobQueue } from '../jobs/job-queue.service.js';
import { Jobs } from '../jobs/jobs.service.js';
import { StorageError } from '../storage-providers/storage-errors.js';
import { type CopyRoute, removeUnfinished } from './copy-object.js';
import { COPIES_AT_ONCE, copyObjects } from './copy-objects.js';
import { FileMove } from './file-move.entity.js';
import { HouseCleaning } from './house-cleaning.service.js';
import { HouseSwitch } from './house-switch.service.js';
import { MOVE_ATTEMPTS, MOVE_TASK, type MovePayload } from './move-task.js';
import { MoveRows } from './move-rows.js';

/** Uploads that began before the switch are looked for this often. */
const CATCH_UP_AGAIN_MS = 30_000;

/** Does what the state of a move asks for; killed at any point it is done again, and finds what was done. */
@Injectable()
export class MoveRunner implements OnModuleInit {
  private readonly log = new Logger('Moves');
  private readonly memory = {
    // Each copy holds a small object with its line break; large ones pass as streams.
    smallBuffers: new ByteBudget(4 * COPIES_AT_ONCE * SMALL_UPLOAD_BYTES),
    partBuffers: new PartBuffers(),
  };

  constructor(
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly rows: MoveRows,
    private readonly house: HouseSwitch,
    private readonly cleaning: HouseCleaning,
    private readonly epochs: BucketEpochs,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.queue.handle<MovePayload>(MOVE_TASK, ({ move_id: id }, run) => this.run(id, run), { lane: 'bulk' });
  }

  private async run(id: string, run: JobRun): Promise<void> {
    const move = await this.database.manager.findOneBy(FileMove, { id });
    if (move === null) return;
    try {
      if (move.jobId !== null) await this.jobs.start(move.jobId);
      await this.step(move, run);
    } catch (error) {
      if (error instanceof MoveChanged) return;
      if (run.signal.aborted || (isPassing(error) && !run.isLastAttempt)) throw error;
      this.log.warn(`The move ${id} has stopped`, error);
      await this.house.stop(move, failureOf(error));
    }
  }

  private async step(move: FileMove, run: JobRun): Promise<void> {
    switch (move.state) {
      case 'copying':
        return this.copy(move, run);
      case 'catching_up':
        return this.catchUp(move, run);
      case 'cleaning':
        return this.cleaning.removeOld(move, run.signal);
      case 'cancelling':
        return this.cleaning.removeCopies(move, run.signal);
      case 'planned':
      case 'stopped':
      case 'moved':
      case 'finished':
      case 'cancelled':
        return; // done by another run
    }
  }

  private async copy(move: FileMove, run: JobRun): Promise<void> {
    await this.copyAll(move, run);
    const { failed } = await this.rows.counts(move);
    if (failed > 0 && !move.skipFailed) {
      await this.house.stop(move, someFailed(failed));
      return;
    }
    await this.house.switch(move);
    await this.catchUp(move, run);
  }

  /** What was uploaded into the old bucket meanwhile, and what is still being uploaded there. */
  private async catchUp(move: FileMove, run: JobRun): Promise<void> {
    const isQuiet = !(await this.rows.hasUploadsUnderWay(move));
    const copied = await this.copyAll(move, run);
    const repointed = await this.house.repoint(move);
    if (isQuiet && copied + repointed === 0) {
      await this.cleaning.removeUnused(move, run.signal);
      await this.house.moved(move);
      return;
    }
    const runAt = new Date(this.clock.now() + (isQuiet ? 0 : CATCH_UP_AGAIN_MS));
    await this.queue.enqueue(MOVE_TASK, { move_id: move.id }, { runAt, maxAttempts: MOVE_ATTEMPTS });
  }

  private async copyAll(move: FileMove, { signal }: JobRun): Promise<number> {
    const target = await this.storages.byConfigId(move.userId, move.targetConfigId);
    // A restored database takes copies for unfinished that files have named since. The target is told of an epoch before
    // the first byte, so that this is known.
    await this.epochs.assertCurrent(target, signal);
    await removeUnfinished(this.rows, move, target);
    const routes = await this.routesOf(move, target, signal);
    return copyObjects({
      move,
      rows: this.rows,
      routes,
      afterBatch: () => this.afterBatch(move),
    });
  }

  private async afterBatch(move: FileMove): Promise<void> {
    const state = (await this.database.manager.findOneBy(FileMove, { id: move.id }))?.state;
    if (state !== 'copying' && state !== 'catching_up') throw new MoveChanged();
    await this.house.noteProgress(move);
  }

  /** Buckets whose credentials were forgotten cannot be read: their files stay where they are. */
  private async routesOf(
    move: FileMove,
    target: OpenedConfig,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, CopyRoute>> {
    const { rows, memory } = this;
    const routes = new Map<number, CopyRoute>();
    for (const { configId } of await rows.sources(move)) {
      const source = await this.opened(move.userId, configId);
      if (source !== undefined) routes.set(configId, { move, rows, source, target, memory, signal });
    }
    return routes;
  }

  private async opened(userId: number, configId: number): Promise<OpenedConfig | undefined> {
    try {
      return await this.storages.byConfigId(userId, configId);
    } catch (error) {
      if (error instanceof CredentialsError && error.code === 'cloud_not_configured') return undefined;
      throw error;
    }
  }
}

/** Somebody cancelled it: another run sees to the rest. */
class MoveChanged extends Error {}

/** Whether another try may end better. */
function isPassing(error: unknown): boolean {
  if (error instanceof StorageError || error instanceof StowageError) return error.retryable;
  return true;
}

function failureOf(error: unknown): { readonly code: string; readonly detail: string } {
  if (error instanceof StorageError) return { code: error.code, detail: error.message };
  if (error instanceof StowageError) return { code: String(error.code), detail: error.message };
  return { code: 'internal_error', detail: 'Something failed that should not. The log of the server tells.' };
}

function someFailed(failed: number): { readonly code: string; readonly detail: string } {
  const detail =
    `${failed} objects cannot be copied: they are missing, damaged or too large for the target. Start the move again ` +
    'with "skip_failed" to leave them in the old bucket, or mend them and start it again.';
  return { code: 'objects_not_copied', detail };
}
