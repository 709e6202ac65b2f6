import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { Statements } from '../../database/statements.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { DEFAULT_SYNC_SETTINGS } from '../../sync-settings/sync-settings.js';
import { DoomedObjects, type DoomedRow } from '../doomed-objects.js';
import { BucketEpochs } from '../epoch/bucket-epochs.js';
import { RestingBuckets } from '../resting-buckets.js';
import { BUCKETS_TO_TRIM, TRIM_ALL } from '../trim-versions.js';
import { trustedBuckets } from '../trusted-buckets.js';

const TASK = 'files.trim_versions';
const EVERY_SECONDS = 600;
const VERSIONS_A_TURN = 5_000;
const ROWS_AT_ONCE = 200;
const CALL_MS = 30_000;

const BUCKETS = { name: 'files_buckets_to_trim', text: BUCKETS_TO_TRIM };
const GIVE_UP = { name: 'files_trim_all_versions', text: TRIM_ALL };
const GIVEN_UP = {
  name: 'files_given_up_versions',
  text: `SELECT id, user_id, cloud_config_id, object_key FROM file_versions
    WHERE state = 'deleting' AND id > $1 AND cloud_config_id = ANY ($3::integer[]) ORDER BY id LIMIT $2`,
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
   * At most so many at a time. Versions in buckets that cannot be asked, or that know of a newer database, stay as
   * they are and keep no others waiting.
   * @returns how many versions are gone with their objects
   */
  async trimVersions(limit: number, signal?: AbortSignal): Promise<number> {
    const resting = new RestingBuckets();
    const trusted = await this.trusted(resting, signal);
    if (trusted.length === 0) return 0;
    await this.statements.query(GIVE_UP, [DEFAULT_SYNC_SETTINGS.keepVersions, limit, trusted]);
    let [gone, after] = [0, 0];
    for (let tried = 0; tried < limit;) {
      const configIds = trusted.filter((id) => !resting.has(id));
      const rows = await this.statements.query<DoomedRow>(GIVEN_UP, [after, ROWS_AT_ONCE, configIds]);
      for (const row of rows) {
        signal?.throwIfAborted();
        if (resting.has(row.cloud_config_id)) continue;
        tried += 1;
        if (await this.remove(row, resting)) gone += 1;
      }
      if (rows.length < ROWS_AT_ONCE) break;
      after = rows.at(-1)!.id;
    }
    return gone;
  }

  private async trusted(resting: RestingBuckets, signal: AbortSignal | undefined): Promise<number[]> {
    const { storages, epochs, statements } = this;
    const keepVersions = DEFAULT_SYNC_SETTINGS.keepVersions;
    const rows = await statements.query<Pick<DoomedRow, 'user_id' | 'cloud_config_id'>>(BUCKETS, [
      keepVersions,
    ]);
    const onFailure = (configId: number, error: unknown) =>
      this.logger.warn(`versions in configuration ${configId} are not removed now`, error);
    return [...(await trustedBuckets(rows, resting, { storages, epochs, signal, onFailure }))];
  }

  private async remove(row: DoomedRow, resting: RestingBuckets): Promise<boolean> {
    try {
      await this.objects.removeVersion(row, { callMs: CALL_MS, resting });
      return true;
    } catch (error) {
      this.logger.warn(`version row ${row.id} could not be removed yet`, error);
      return false;
    }
  }
}
