import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { Statements } from '../database/statements.js';
import { notFound } from '../errors/request-errors.js';

interface DoomedRow {
  readonly id: number;
  readonly user_id: number;
  readonly cloud_config_id: number;
  readonly object_key: string;
}

const FIND = {
  name: 'files_find_to_delete',
  text: `SELECT id, user_id, cloud_config_id, object_key FROM cloud_files
    WHERE id = $1 AND user_id = $2 AND state IN ('stored', 'deleting')`,
};
const HIDE = `UPDATE cloud_files SET state = 'deleting' WHERE id = $1 AND state = 'stored'`;
const REMOVE = {
  name: 'files_remove_deleted',
  text: `DELETE FROM cloud_files WHERE id = $1 AND state = 'deleting'`,
};
const UNFINISHED = {
  name: 'files_unfinished_deletions',
  text: `SELECT id, user_id, cloud_config_id, object_key FROM cloud_files
    WHERE state = 'deleting' AND id > $1 ORDER BY id LIMIT $2`,
};

const RESUME_EVERY_MS = 60_000;
const RESUMED_AT_ONCE = 100;
const RESUMED_CALL_MS = 30_000;

/**
 * Deletes files so that a crash at any point leaves neither a file without an object nor an object that nobody
 * knows: the row becomes invisible, then the object goes, then the row. All steps may be repeated.
 */
@Injectable()
export class FileDeletion implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('FileDeletion');
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private resumeAfter = 0;

  constructor(
    private readonly statements: Statements,
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly audit: AuditLog,
  ) {}

  /**
   * When it rejects with a StorageError, the file is hidden already and its object will be deleted later.
   * @throws RequestError `not_found`, CredentialsError, StorageError
   */
  async delete(userId: number, fileId: number, origin: AuditOrigin): Promise<void> {
    const [row] = await this.statements.query<DoomedRow>(FIND, [fileId, userId]);
    if (row === undefined) throw notFound('file');
    // First, whether it can be done at all: without the bucket's credentials the file stays listed.
    await this.storages.byConfigId(row.user_id, row.cloud_config_id);
    await this.hide(fileId, origin);
    await this.finish(row);
  }

  onApplicationBootstrap(): void {
    this.resumeSoon();
    this.timer = setInterval(() => this.resumeSoon(), RESUME_EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Goes on with deletions that a crash or a failing bucket interrupted; some at a time, so that all get their turn. */
  async resume(): Promise<void> {
    const rows = await this.statements.query<DoomedRow>(UNFINISHED, [this.resumeAfter, RESUMED_AT_ONCE]);
    this.resumeAfter = rows.length < RESUMED_AT_ONCE ? 0 : (rows.at(-1)?.id ?? 0);
    for (const row of rows) {
      try {
        await this.finish(row, AbortSignal.timeout(RESUMED_CALL_MS));
      } catch (error) {
        this.logger.warn(`the deletion of file ${row.id} could not be finished yet`, error);
      }
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
    });
  }

  private async finish(row: DoomedRow, signal?: AbortSignal): Promise<void> {
    const { storage } = await this.storages.byConfigId(row.user_id, row.cloud_config_id);
    await storage.delete(row.object_key, { signal });
    await this.statements.query(REMOVE, [row.id]);
  }
}
