import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { Statements } from '../../database/statements.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { DEFAULT_SYNC_SETTINGS } from '../../sync-settings/sync-settings.js';
import { DoomedObjects, type DoomedRow } from '../doomed-objects.js';
import { BucketEpochs } from '../epoch/bucket-epochs.js';
import { TRIM_ALL } from '../trim-versions.js';

const TASK = 'files.trim_versions';
const EVERY_SECONDS = 600;
const VERSIONS_A_TURN = 5_000;
const ROWS_AT_ONCE = 200;
const CALL_MS = 30_000;

const GIVE_UP = { name: 'files_trim_all_versions', text: TRIM_ALL };
const GIVEN_UP = {
  name: 'files_given_up_versions',
  text: `SELECT id, user_id, cloud_config_id, object_key FROM file_versions
    WHERE state = 'deleting' AND id > $1 ORDER BY id LIMIT $2`,
};

/** Removes the versions that are more than `keep_versions`, and the objects of all that were given up. */
@Injectable()
export class VersionTrimming implements OnModuleInit {
  private readonly logger = new Logger('VersionTrimming');
  private readonly objects: DoomedObjects;

  constructor(
    private readonly queue: JobQueue,
    private readonly statements: Statements,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
  ) {
    this.objects = new DoomedObjects(statements, (userId, configId) => storages.byConfigId(userId, configId));
  }

  onModuleInit(): void {
    this.queue.handle(
      TASK,
      async (_, { signal }) => void (await this.trimVersions(VERSIONS_A_TURN, signal)),
      {
        lane: 'long',
      },
    );
    this.queue.schedule(TASK, { everySeconds: EVERY_SECONDS });
  }

  /**
   * At most so many at a time. Versions in buckets that cannot be asked, or that know of a newer database, wait.
   * @returns how many versions are gone with their objects
   */
  async trimVersions(limit: number, signal?: AbortSignal): Promise<number> {
    await this.statements.query(GIVE_UP, [DEFAULT_SYNC_SETTINGS.keepVersions, limit]);
    const usable = new Map<number, Promise<boolean>>();
    let [gone, after] = [0, 0];
    for (let looked = 0; looked < limit; looked += ROWS_AT_ONCE) {
      const rows = await this.statements.query<DoomedRow>(GIVEN_UP, [after, ROWS_AT_ONCE]);
      for (const row of rows) {
        signal?.throwIfAborted();
        const { cloud_config_id: configId } = row;
        if (!usable.has(configId)) usable.set(configId, this.isUsable(row, signal));
        if ((await usable.get(configId)) && (await this.remove(row))) gone += 1;
      }
      if (rows.length < ROWS_AT_ONCE) break;
      after = rows.at(-1)!.id;
    }
    return gone;
  }

  private async isUsable({ user_id, cloud_config_id }: DoomedRow, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.epochs.assertCurrent(await this.storages.byConfigId(user_id, cloud_config_id), signal);
      return true;
    } catch (error) {
      this.logger.warn(`versions in configuration ${cloud_config_id} are not removed now`, error);
      return false;
    }
  }

  private async remove(row: DoomedRow): Promise<boolean> {
    try {
      await this.objects.removeVersion(row, AbortSignal.timeout(CALL_MS));
      return true;
    } catch (error) {
      this.logger.warn(`version row ${row.id} could not be removed yet`, error);
      return false;
    }
  }
}
