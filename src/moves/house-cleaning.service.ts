import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CloudStorages, type OpenedConfig } from '../credentials/cloud-storages.service.js';
import { BucketEpochs } from '../files/epoch/bucket-epochs.js';
import { Jobs } from '../jobs/jobs.service.js';
import { FileMove } from './file-move.entity.js';
import { type ItemObject, MoveRows } from './move-rows.js';

const BATCH = 200;
const DELETIONS_AT_ONCE = 8;

/** Removes what a move leaves: old objects when the user says so, and copies that nobody needs. */
@Injectable()
export class HouseCleaning {
  constructor(
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
    private readonly jobs: Jobs,
    private readonly rows: MoveRows,
  ) {}

  /**
   * Deletes the objects of which a copy is in use, once no row names them.
   * @throws FilesError `reconcile_required` when the database is older than a bucket; StorageError
   */
  async removeOld(move: FileMove, signal: AbortSignal): Promise<void> {
    for (const configId of await this.rows.sourceIds(move)) {
      const source = await this.storages.byConfigId(move.userId, configId);
      for (;;) {
        await this.epochs.assertCurrent(source, signal);
        const items = await this.rows.oldObjects(move, configId, BATCH);
        if (items.length === 0) break;
        await deleteAll(source, items, ({ sourceKey }) => sourceKey, signal);
        await this.rows.cleaned(move, targetKeysOf(items));
      }
    }
    const { cleaned } = await this.rows.counts(move);
    await this.end(move, 'finished', { deleted_objects: cleaned });
  }

  /**
   * Before the switch nobody needs a copy; whether these rows know of the switch is asked first.
   * @throws as `removeOld`
   */
  async removeCopies(move: FileMove, signal: AbortSignal): Promise<void> {
    const target = await this.storages.byConfigId(move.userId, move.targetConfigId);
    for (;;) {
      await this.epochs.assertCurrent(target, signal);
      const items = await this.rows.allCopies(move, BATCH);
      if (items.length === 0) break;
      await deleteAll(target, items, ({ targetKey }) => targetKey, signal);
      await this.rows.forget(move, targetKeysOf(items));
    }
    await this.end(move, 'cancelled', {});
  }

  /** Copies of what was deleted for good meanwhile. @throws as `removeOld` */
  async removeUnused(move: FileMove, signal: AbortSignal): Promise<void> {
    const target = await this.storages.byConfigId(move.userId, move.targetConfigId);
    let after: ItemObject | undefined;
    for (;;) {
      await this.epochs.assertCurrent(target, signal);
      const items = await this.rows.unused(move, after, BATCH);
      if (items.length === 0) return;
      await deleteAll(target, items, ({ targetKey }) => targetKey, signal);
      after = items.at(-1);
    }
  }

  private async end(move: FileMove, state: 'finished' | 'cancelled', result: object): Promise<void> {
    const from = state === 'finished' ? 'cleaning' : 'cancelling';
    await this.database.transaction(async (manager) => {
      await manager.update(
        FileMove,
        { id: move.id, state: from },
        { state, endedAt: () => 'now()', problem: null, problemCode: null },
      );
      if (move.jobId !== null) await this.jobs.succeed(move.jobId, { ...result }, manager);
    });
  }
}

/** Deleting is idempotent: what was interrupted is done again. */
async function deleteAll(
  { storage }: OpenedConfig,
  items: readonly ItemObject[],
  keyOf: (item: ItemObject) => string,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...items];
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      await storage.delete(keyOf(item), { signal });
    }
  };
  await Promise.all(Array.from({ length: DELETIONS_AT_ONCE }, work));
}

function targetKeysOf(items: readonly ItemObject[]): string[] {
  return items.map(({ targetKey }) => targetKey);
}
