import { basename } from 'node:path';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { Config } from '../config/config.js';
import { Notifications } from '../database/notifications.service.js';
import { notFound } from '../errors/request-errors.js';
import { assertFilename } from '../files/filename.js';
import { cleanFolder } from '../files/folder-path.js';
import { AllowedPaths } from './allowed-paths.js';
import { LOCAL_FILES_CHANNEL, UPLOAD_NOW } from './local-file-sync.service.js';
import { listLocalFiles, type LocalFileRow, type LocalFilesFilter, oneLocalFile } from './local-file-rows.js';
import { openLocalFile } from './open-local-file.js';
import { pathHashOf, registerFiles } from './registration.js';

/** Who asks, and from where. */
export interface Caller {
  readonly userId: number;
  readonly origin: AuditOrigin;
}

export interface NewLocalFile {
  /** Of `readLocalPath`. */
  readonly path: string;
  /** The last name of the path when absent. */
  readonly filename?: string;
  readonly folder?: string;
}

/** What users do with their local files. A foreign id is like an absent one. */
@Injectable()
export class LocalFiles {
  constructor(
    private readonly database: DataSource,
    private readonly paths: AllowedPaths,
    private readonly notifications: Notifications,
    private readonly audit: AuditLog,
    private readonly config: Config,
  ) {}

  /**
   * Registers a file that this server sees; one that is registered already stays as it is, and is wanted again.
   * @throws LocalFilesError, FilesError `invalid_filename`, `invalid_folder`
   */
  async register(caller: Caller, file: NewLocalFile): Promise<{ row: LocalFileRow; isNew: boolean }> {
    const { userId } = caller;
    const { path, filename = basename(path), folder = '' } = file;
    const { handle, stats } = await openLocalFile(await this.paths.locate(userId, path));
    await handle.close();
    assertFilename(filename);
    const found = {
      path,
      filename,
      folder: cleanFolder(folder),
      sizeBytes: Number(stats.size),
      modifiedAt: new Date(Number(stats.mtimeMs)),
    };
    const serverName = this.config.env.LOCAL_FILES_SERVER;
    const registrant = { userId, serverName, origin: 'api' } as const;
    const [id] = await registerFiles(this.database, registrant, [found], async (manager, ids) => {
      for (const newId of ids) await this.record(manager, caller, 'local_file.registered', newId, { path });
    });
    const row = id === undefined ? await this.revived(userId, path) : await this.get(userId, id);
    return { row, isNew: id !== undefined };
  }

  list(userId: number, filter: LocalFilesFilter): Promise<LocalFileRow[]> {
    return listLocalFiles(this.database, userId, filter);
  }

  /** @throws RequestError `not_found` */
  async get(userId: number, id: number): Promise<LocalFileRow> {
    const row = await oneLocalFile(this.database, userId, id);
    if (row === undefined) throw notFound('local file');
    return row;
  }

  /**
   * Nobody looks at the file any more; its cloud file stays. Rows of the host application and files of a watched folder
   * are remembered as unwanted, because they would be found again.
   * @throws RequestError `not_found`
   */
  async remove(caller: Caller, id: number): Promise<void> {
    await this.database.transaction(async (manager) => {
      const [[row]] = await manager.query<[{ is_ours: boolean }[], number]>(UNREGISTER, [id, caller.userId]);
      if (row === undefined) throw notFound('local file');
      if (row.is_ours) await manager.query('DELETE FROM pixe_files WHERE id = $1', [id]);
      await this.record(manager, caller, 'local_file.unregistered', id, {});
    });
  }

  /** Uploads it now, whatever the settings say and however its bucket did; one that is uploading goes on. */
  async uploadNow(userId: number, id: number): Promise<LocalFileRow> {
    await this.database.transaction(async (manager) => {
      const [rows] = await manager.query<[{ id: number }[], number]>(UPLOAD, [id, userId]);
      if (rows.length === 0) throw notFound('local file');
      await this.notifications.notify(manager, LOCAL_FILES_CHANNEL, `${UPLOAD_NOW}${userId}`);
    });
    return this.get(userId, id);
  }

  private async revived(userId: number, path: string): Promise<LocalFileRow> {
    const hash = pathHashOf(path);
    await this.database.query(REVIVE, [userId, hash, this.config.env.LOCAL_FILES_SERVER]);
    const found: { id: number }[] = await this.database.query(
      'SELECT min(local_file_id) AS id FROM local_file_syncs WHERE user_id = $1 AND path_hash = $2',
      [userId, hash],
    );
    return this.get(userId, found[0]!.id);
  }

  private record(manager: EntityManager, { origin }: Caller, action: string, id: number, details: object) {
    return this.audit.record({ ...origin, action, subject: `local_file:${id}`, details }, manager);
  }
}

const UNREGISTER = `UPDATE local_file_syncs SET state = 'unregistered', next_attempt_at = NULL, lease_id = NULL,
    asked = false, reason_code = NULL, reason = NULL
  WHERE local_file_id = $1 AND user_id = $2 AND state <> 'unregistered'
  RETURNING origin = 'api' AND watched_folder_id IS NULL AS is_ours`;

const UPLOAD = `UPDATE local_file_syncs SET asked = true,
    attempts = CASE WHEN state = 'uploading' THEN attempts ELSE 0 END,
    next_attempt_at = CASE WHEN state = 'uploading' THEN next_attempt_at ELSE now() END,
    changed_again = changed_again AND state = 'uploading',
    state = CASE WHEN state = 'uploading' THEN state ELSE 'waiting' END
  WHERE local_file_id = $1 AND user_id = $2 AND state <> 'unregistered' RETURNING local_file_id AS id`;

const REVIVE = `UPDATE local_file_syncs AS held SET state = 'waiting', server_name = $3, attempts = 0,
    next_attempt_at = (SELECT now() FROM sync_settings s WHERE s.user_id = $1 AND s.sync_on_create)
  WHERE user_id = $1 AND path_hash = $2 AND state = 'unregistered'`;
