import { stat } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditLog } from '../auth/audit-log.service.js';
import { User } from '../auth/user.entity.js';
import { Config } from '../config/config.js';
import { Notifications } from '../database/notifications.service.js';
import { notFound } from '../errors/request-errors.js';
import { cleanFolder } from '../files/folder-path.js';
import { AllowedPaths } from './allowed-paths.js';
import { FOLDERS_CHANGED, LOCAL_FILES_CHANNEL } from './local-file-sync.service.js';
import { fileNotFound, LocalFilesError } from './local-files-error.js';
import type { Caller } from './local-files.service.js';
import { WatchedFolder } from './watched-folder.entity.js';

/** Each costs a walk every five minutes, and the kernel's watches. */
export const MAX_WATCHED_FOLDERS = 20;

export interface WatchedFolderValues {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly folder?: string;
}

/** Which folders users want watched. A foreign id is like an absent one. */
@Injectable()
export class WatchedFolders {
  constructor(
    private readonly database: DataSource,
    private readonly paths: AllowedPaths,
    private readonly notifications: Notifications,
    private readonly audit: AuditLog,
    private readonly config: Config,
  ) {}

  /** @throws LocalFilesError; FilesError `invalid_folder` */
  async create(caller: Caller, path: string, values: WatchedFolderValues): Promise<WatchedFolder> {
    const { userId } = caller;
    const located = await this.paths.locate(userId, path);
    await assertDirectory(located.path);
    const serverName = this.config.env.LOCAL_FILES_SERVER;
    return this.changing(async (manager) => {
      // Locked, so that two at once cannot both be the last that is allowed.
      await manager.findOne(User, { where: { id: userId }, lock: { mode: 'pessimistic_write' } });
      if (await manager.existsBy(WatchedFolder, { userId, serverName, path })) throw exists();
      if ((await manager.countBy(WatchedFolder, { userId })) >= MAX_WATCHED_FOLDERS) throw tooMany();
      const folder = manager.create(WatchedFolder, { userId, serverName, path, ...cleaned(values) });
      await manager.save(folder);
      await this.record(manager, caller, 'watched_folder.created', folder.id, { path });
      return manager.findOneByOrFail(WatchedFolder, { id: folder.id });
    });
  }

  /** The oldest first; there are few. */
  list(userId: number): Promise<WatchedFolder[]> {
    return this.database.manager.find(WatchedFolder, {
      where: { userId },
      order: { createdAt: 'ASC', id: 'ASC' },
    });
  }

  /** @throws RequestError `not_found` */
  async get(userId: number, id: string): Promise<WatchedFolder> {
    const folder = await this.database.manager.findOneBy(WatchedFolder, { id, userId });
    if (folder === null) throw notFound('watched folder');
    return folder;
  }

  /** Files that were taken already stay local files. @throws RequestError `not_found` */
  change(caller: Caller, id: string, values: WatchedFolderValues): Promise<WatchedFolder> {
    return this.changing(async (manager) => {
      const folder = await locked(manager, caller.userId, id);
      Object.assign(folder, cleaned(values), { version: folder.version + 1 });
      await this.record(manager, caller, 'watched_folder.changed', id, {});
      return manager.save(folder);
    });
  }

  /** Its files stay local files, and their cloud files stay. @throws RequestError `not_found` */
  remove(caller: Caller, id: string): Promise<void> {
    return this.changing(async (manager) => {
      await locked(manager, caller.userId, id);
      await manager.query(FORGET_UNWANTED, [id]);
      await manager.delete(WatchedFolder, { id });
      await this.record(manager, caller, 'watched_folder.deleted', id, {});
    });
  }

  private changing<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(async (manager) => {
      const outcome = await work(manager);
      await this.notifications.notify(manager, LOCAL_FILES_CHANNEL, FOLDERS_CHANGED);
      return outcome;
    });
  }

  private record(manager: EntityManager, { origin }: Caller, action: string, id: string, details: object) {
    return this.audit.record({ ...origin, action, subject: `watched_folder:${id}`, details }, manager);
  }
}

async function locked(manager: EntityManager, userId: number, id: string): Promise<WatchedFolder> {
  const lock = { mode: 'pessimistic_write' } as const;
  const folder = await manager.findOne(WatchedFolder, { where: { id, userId }, lock });
  if (folder === null) throw notFound('watched folder');
  return folder;
}

function cleaned({ include, exclude, folder }: WatchedFolderValues) {
  return {
    ...(include !== undefined && { include: [...include] }),
    ...(exclude !== undefined && { exclude: [...exclude] }),
    ...(folder !== undefined && { folder: cleanFolder(folder) }),
  };
}

async function assertDirectory(path: string): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw fileNotFound();
  if (!stats.isDirectory()) throw notDirectory();
}

function notDirectory(): LocalFilesError {
  return new LocalFilesError(
    'local_file_not_regular',
    'This is no folder. Name a folder; a file is registered with POST /api/v1/local-files.',
  );
}

function exists(): LocalFilesError {
  return new LocalFilesError('watched_folder_exists', 'This folder is watched already. Change that instead.');
}

function tooMany(): LocalFilesError {
  const detail = `You have ${MAX_WATCHED_FOLDERS} watched folders, the most that a user may have. Delete one first.`;
  return new LocalFilesError('too_many_watched_folders', detail);
}

/** Those that were unregistered are remembered only while they would be found again. */
const FORGET_UNWANTED = `DELETE FROM pixe_files WHERE id IN
  (SELECT local_file_id FROM local_file_syncs WHERE watched_folder_id = $1 AND state = 'unregistered')`;
