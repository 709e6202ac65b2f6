import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { Statements } from '../database/statements.js';
import { notFound } from '../errors/request-errors.js';
import { DoomedObjects, type DoomedRow } from './doomed-objects.js';
import { fileProtected } from './file-errors.js';
import { RestingBuckets } from './resting-buckets.js';

interface FoundRow extends DoomedRow {
  readonly protected: boolean;
  /** All configurations that hold a content of the file. */
  readonly configs: number[];
}

const FIND = {
  name: 'files_find_to_delete',
  text: `SELECT id, user_id, cloud_config_id, object_key, protected AND state <> 'deleting' AS protected,
      ARRAY(SELECT f.cloud_config_id UNION SELECT cloud_config_id FROM file_versions WHERE file_id = f.id) AS configs
    FROM cloud_files f WHERE id = $1 AND user_id = $2 AND state IN ('stored', 'trashed', 'deleting')`,
};
const HIDE = `UPDATE cloud_files SET state = 'deleting'
  WHERE id = $1 AND state IN ('stored', 'trashed') AND NOT protected RETURNING id`;
const STILL_SHOWN = `SELECT FROM cloud_files WHERE id = $1 AND state IN ('stored', 'trashed')`;
const UNFINISHED = {
  name: 'files_unfinished_deletions',
  text: `SELECT id, user_id, cloud_config_id, object_key FROM cloud_files
    WHERE state = 'deleting' AND id > $1 AND cloud_config_id <> ALL ($2::integer[]) ORDER BY id LIMIT $3`,
};

const RESUME_EVERY_MS = 60_000;
const RESUMED_AT_ONCE = 100;
const RESUMED_CALL_MS = 30_000;

/**
 * Deletes files so that a crash at any point leaves neither a file without an object nor an object that nobody
 * knows: the row becomes invisible, then the objects go, of earlier versions, too, then the row. All steps may be
 * repeated.
 */
@Injectable()
export class FileDeletion implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('FileDeletion');
  private readonly objects: DoomedObjects;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private resumeAfter = 0;

  constructor(
    private readonly statements: Statements,
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly audit: AuditLog,
  ) {
    this.objects = new DoomedObjects(statements, (userId, configId) => storages.byConfigId(userId, configId));
  }

  /**
   * For good, from the list or from the trash. When it rejects with a StorageError, the file is hidden already and its
   * objects will be deleted later.
   * @throws RequestError `not_found`, FilesError `file_protected`, CredentialsError, StorageError
   */
  async delete(userId: number, fileId: number, origin: AuditOrigin): Promise<void> {
    const [row] = await this.statements.query<FoundRow>(FIND, [fileId, userId]);
    if (row === undefined) throw notFound('file');
    if (row.protected) throw fileProtected();
    // First, whether it can be done at all: without the buckets' credentials the file stays listed.
    for (const configId of row.configs) await this.storages.byConfigId(userId, configId);
    await this.hide(fileId, origin);
    await this.objects.removeFile(row);
  }

  onApplicationBootstrap(): void {
    this.resumeSoon();
    this.timer = setInterval(() => this.resumeSoon(), RESUME_EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /**
   * Goes on with deletions that a crash or a failing bucket interrupted; some at a time, so that all get their turn.
   * It does not ask the epoch: whatever is `deleting` was given up for ever, in every later state of the rows, too.
   */
  async resume(): Promise<void> {
    const resting = new RestingBuckets();
    for (let tried = 0; tried < RESUMED_AT_ONCE;) {
      const values = [this.resumeAfter, resting.configIds, RESUMED_AT_ONCE];
      const rows = await this.statements.query<DoomedRow>(UNFINISHED, values);
      for (const row of rows) {
        if (resting.has(row.cloud_config_id)) continue;
        tried += 1;
        await this.finish(row, resting);
      }
      this.resumeAfter = rows.length < RESUMED_AT_ONCE ? 0 : rows.at(-1)!.id;
      if (this.resumeAfter === 0) return;
    }
  }

  private async finish(row: DoomedRow, resting: RestingBuckets): Promise<void> {
    try {
      await this.objects.removeFile(row, { callMs: RESUMED_CALL_MS, resting });
    } catch (error) {
      this.logger.warn(`the deletion of file ${row.id} could not be finished yet`, error);
    }
  }

  private resumeSoon(): void {
    this.running ??= this.resume()
      .catch((error: unknown) => {
        this.logger.warn('unfinished deletions could not be looked up', error);
      })
      .finally(() => (this.running = undefined));
  }

  /** No deletion without its record, no record without its deletion. */
  private async hide(fileId: number, origin: AuditOrigin): Promise<void> {
    const record = { ...origin, action: 'file.deleted', subject: `file:${fileId}` };
    await this.database.transaction(async (manager) => {
      const [, hidden] = await manager.query<[unknown, number]>(HIDE, [fileId]);
      if (hidden > 0) await this.audit.record(record, manager);
      // It was protected since it was looked at; what somebody else is deleting already goes on.
      else if ((await manager.query<unknown[]>(STILL_SHOWN, [fileId])).length > 0) throw fileProtected();
    });
  }
}
