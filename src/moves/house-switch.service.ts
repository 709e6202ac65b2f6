import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { CloudConfigs } from '../credentials/cloud-configs.service.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { Jobs } from '../jobs/jobs.service.js';
import { Webhooks } from '../webhooks/webhooks.service.js';
import { FileMove, type MoveState } from './file-move.entity.js';
import { MoveRows } from './move-rows.js';
import { repointFiles } from './repoint-files.js';

interface Failure {
  readonly code: string;
  readonly detail: string;
}

/** Changes what a move is and what files name, each time in one transaction. */
@Injectable()
export class HouseSwitch {
  constructor(
    private readonly database: DataSource,
    private readonly configs: CloudConfigs,
    private readonly storages: CloudStorages,
    private readonly jobs: Jobs,
    private readonly webhooks: Webhooks,
    private readonly rows: MoveRows,
  ) {}

  /**
   * All files name their copies and the target becomes the bucket of new files, or nothing happens. One that was
   * cancelled meanwhile stays as it is.
   * @throws CredentialsError when the target's credentials were forgotten
   */
  async switch(move: FileMove): Promise<void> {
    const { id, userId, targetConfigId } = move;
    await this.database.transaction(async (manager) => {
      await withoutDeadline(manager);
      if (!(await this.enter(manager, move, 'copying', 'catching_up'))) return;
      await manager.update(FileMove, id, { switchedAt: () => 'now()' });
      await this.configs.activate(manager, { userId }, userId, targetConfigId);
      await repointFiles(manager, move, await providerOf(manager, move));
    });
    this.storages.changed(userId);
  }

  /** For what was copied after the switch. @returns how many rows */
  async repoint(move: FileMove): Promise<number> {
    return this.database.transaction(async (manager) => {
      await withoutDeadline(manager);
      return repointFiles(manager, move, await providerOf(manager, move));
    });
  }

  /** Everything is in the target, and users' programs hear of it. */
  async moved(move: FileMove): Promise<void> {
    const counts = await this.rows.counts(move);
    await this.database.transaction(async (manager) => {
      if (!(await this.enter(manager, move, 'catching_up', 'moved'))) return;
      await manager.update(FileMove, move.id, { movedAt: () => 'now()' });
      const result = { objects: counts.copied, bytes: counts.copiedBytes, left_behind: counts.failed };
      if (move.jobId !== null) await this.jobs.succeed(move.jobId, result, manager);
      await this.tell(manager, move, 'moved', null);
    });
  }

  /** The user has to decide something. */
  async stop(move: FileMove, { code, detail }: Failure): Promise<void> {
    await this.database.transaction(async (manager) => {
      const changes = { problemCode: code, problem: detail };
      await manager.update(FileMove, move.id, changes);
      // After the switch there is no way back: the state stays, and starting it again goes on.
      await this.enter(manager, move, 'copying', 'stopped');
      if (move.jobId !== null) await this.jobs.fail(move.jobId, code, detail, manager);
      await this.tell(manager, move, 'stopped', detail);
    });
  }

  async noteProgress(move: FileMove): Promise<void> {
    if (move.jobId === null) return;
    const { copied, copiedBytes, failed } = await this.rows.counts(move);
    await this.jobs.progress(move.jobId, { objects: copied, bytes: copiedBytes, failed });
  }

  /** @returns false when it is not in the state `from` any more */
  private async enter(
    manager: EntityManager,
    { id }: FileMove,
    from: MoveState,
    state: MoveState,
  ): Promise<boolean> {
    const { affected } = await manager.update(FileMove, { id, state: from }, { state });
    return (affected ?? 0) > 0;
  }

  private tell(
    manager: EntityManager,
    { id, userId }: FileMove,
    state: 'moved' | 'stopped',
    problem: string | null,
  ): Promise<void> {
    return this.webhooks.emit(manager, {
      userId,
      type: 'move.finished',
      data: { move_id: id, state, problem },
    });
  }
}

/** A million rows take longer than a request may. */
function withoutDeadline(manager: EntityManager): Promise<unknown> {
  return manager.query('SET LOCAL statement_timeout = 0');
}

async function providerOf(manager: EntityManager, { targetConfigId: id }: FileMove) {
  return (await manager.findOneByOrFail(CloudConfig, { id })).provider;
}
