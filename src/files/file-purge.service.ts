import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { Statements } from '../database/statements.js';
import { DoomedObjects, type DoomedRow } from './doomed-objects.js';
import { BucketEpochs } from './epoch/bucket-epochs.js';
import { RestingBuckets } from './resting-buckets.js';
import { trustedBuckets } from './trusted-buckets.js';

export interface PurgeOutcome {
  /** Files that are gone, with their objects or soon to be followed by them. */
  readonly purged: number;
  /** Files that stay in the trash, because their bucket cannot be asked or the database is older than it. */
  readonly left: number;
  /** Why the first of those stay, or why the first object is still there. */
  readonly failure: unknown;
}

export interface PurgeOptions {
  readonly signal?: AbortSignal;
  /** Buckets that failed earlier in the same run; those that fail now become some of them. */
  readonly resting?: RestingBuckets;
}

interface TrashedRow extends DoomedRow {
  readonly configs: number[];
}

const FIND = {
  name: 'files_find_to_purge',
  text: `SELECT id, user_id, cloud_config_id, object_key,
      ARRAY(SELECT f.cloud_config_id UNION SELECT cloud_config_id FROM file_versions WHERE file_id = f.id) AS configs
    FROM cloud_files f WHERE id = ANY ($1::integer[]) AND state = 'trashed' AND NOT protected`,
};
const HIDE = `UPDATE cloud_files SET state = 'deleting'
  WHERE id = ANY ($1::integer[]) AND state = 'trashed' AND NOT protected RETURNING id`;

/** Objects that are deleted at the same time. */
const OBJECTS_AT_ONCE = 8;
const CALL_MS = 30_000;

/** Takes files out of the trash for good. */
@Injectable()
export class FilePurge {
  private readonly logger = new Logger('FilePurge');
  private readonly objects: DoomedObjects;

  constructor(
    private readonly statements: Statements,
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
    private readonly audit: AuditLog,
  ) {
    this.objects = new DoomedObjects(statements, (userId, configId) => storages.byConfigId(userId, configId));
  }

  /**
   * Files whose buckets cannot be opened, or know of a newer database, stay in the trash. An object that cannot be
   * deleted now is deleted later. Never rejects because of a bucket.
   */
  async purge(
    ids: readonly number[],
    origin: AuditOrigin,
    { signal, resting = new RestingBuckets() }: PurgeOptions = {},
  ): Promise<PurgeOutcome> {
    const rows = await this.statements.query<TrashedRow>(FIND, [ids]);
    const trusted = await this.trusted(rows, resting, signal);
    const doomed = rows.filter(({ configs }) => configs.every((id) => trusted.has(id)));
    const left = rows.filter((row) => !doomed.includes(row));
    const failures = left.flatMap(({ configs }) => configs.filter((id) => resting.has(id)));
    const hidden = await this.hide(doomed, origin);
    const failed = await this.removeObjects(hidden, resting, signal);
    const failure = failures.length > 0 ? resting.failureOf(failures[0]!) : failed[0];
    return { purged: hidden.length, left: left.length, failure };
  }

  private trusted(rows: readonly TrashedRow[], resting: RestingBuckets, signal: AbortSignal | undefined) {
    const { storages, epochs } = this;
    const owned = rows.flatMap(({ configs, user_id }) =>
      configs.map((cloud_config_id) => ({ cloud_config_id, user_id })),
    );
    const onFailure = (configId: number, error: unknown) =>
      this.logger.warn(`files of configuration ${configId} stay in the trash`, error);
    return trustedBuckets(owned, resting, { storages, epochs, signal, onFailure });
  }

  private async hide(rows: readonly TrashedRow[], origin: AuditOrigin): Promise<TrashedRow[]> {
    if (rows.length === 0) return [];
    return this.database.transaction(async (manager) => {
      const [changed] = await manager.query<[{ id: number }[], number]>(HIDE, [rows.map(({ id }) => id)]);
      const hiddenIds = new Set(changed.map(({ id }) => id));
      const hidden = rows.filter(({ id }) => hiddenIds.has(id));
      for (const userId of new Set(hidden.map(({ user_id }) => user_id))) {
        const ids = hidden.filter(({ user_id }) => user_id === userId).map(({ id }) => id);
        const record = { subject: `user:${userId}`, details: { file_ids: ids } };
        await this.audit.record({ ...origin, action: 'file.purged', ...record }, manager);
      }
      return hidden;
    });
  }

  /** @returns why some are still there; they are deleted by whoever resumes deletions */
  private async removeObjects(rows: readonly TrashedRow[], resting: RestingBuckets, signal?: AbortSignal) {
    const failures: unknown[] = [];
    const waiting = rows.values();
    const work = async () => {
      for (const row of waiting) {
        if (signal?.aborted) return;
        try {
          await this.objects.removeFile(row, { callMs: CALL_MS, resting });
        } catch (error) {
          failures.push(error);
          this.logger.warn(`the objects of file ${row.id} could not be deleted yet`, error);
        }
      }
    };
    await Promise.all(Array.from({ length: OBJECTS_AT_ONCE }, work));
    return failures;
  }
}
