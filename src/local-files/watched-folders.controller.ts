import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { cleanPath } from './local-files.controller.js';
import { WatchedFolderParams } from './local-files.dto.js';
import type { WatchedFolder } from './watched-folder.entity.js';
import {
  ChangeWatchedFolderDto,
  NewWatchedFolderDto,
  WatchedFolderDto,
  WatchedFolderPageDto,
} from './watched-folders.dto.js';
import { WatchedFolders } from './watched-folders.service.js';

const PATH = '/api/v1/watched-folders';

@ApiTags('Local files')
@Scopes('user')
@Controller()
export class WatchedFoldersController {
  constructor(private readonly folders: WatchedFolders) {}

  /** All its files, those in its subfolders too, become local files; links are not followed. */
  @Post(PATH)
  @ApiOperation({ operationId: 'createWatchedFolder', summary: "Watch a folder of the server's disk" })
  @ApiCreatedResponse({
    type: WatchedFolderDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The watched folder.' } },
  })
  @ApiProblems(
    'local_files_not_allowed',
    'local_file_not_found',
    'local_file_not_regular',
    'local_folder_unavailable',
    'watched_folder_exists',
    'too_many_watched_folders',
    'invalid_folder',
  )
  async create(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { path, include, exclude, folder }: NewWatchedFolderDto,
  ): Promise<WatchedFolderDto> {
    const values = { include, exclude, folder };
    const created = await this.folders.create({ userId, origin }, cleanPath(path), values);
    void reply.header('location', `${PATH}/${created.id}`);
    return watchedFolderJson(created);
  }

  /** The oldest first, all of them. */
  @Get(PATH)
  @ApiOperation({ operationId: 'listWatchedFolders', summary: 'List watched folders' })
  async list(@Caller() { userId }: Principal): Promise<WatchedFolderPageDto> {
    return { data: (await this.folders.list(userId)).map(watchedFolderJson), next_cursor: null };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getWatchedFolder', summary: 'Show a watched folder' })
  @ApiProblems('not_found')
  async get(
    @Caller() { userId }: Principal,
    @Param() { id }: WatchedFolderParams,
  ): Promise<WatchedFolderDto> {
    return watchedFolderJson(await this.folders.get(userId, id));
  }

  /** Omitted fields stay as they are. Files that were taken already stay local files. */
  @Patch(`${PATH}/:id`)
  @ApiOperation({ operationId: 'changeWatchedFolder', summary: 'Change what is taken of a watched folder' })
  @ApiProblems('not_found', 'invalid_folder')
  async change(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: WatchedFolderParams,
    @Body() { include, exclude, folder }: ChangeWatchedFolderDto,
  ): Promise<WatchedFolderDto> {
    return watchedFolderJson(await this.folders.change({ userId, origin }, id, { include, exclude, folder }));
  }

  /** Its files stay local files; their cloud files stay. */
  @Delete(`${PATH}/:id`)
  @HttpCode(204)
  @ApiOperation({ operationId: 'deleteWatchedFolder', summary: 'Stop watching a folder' })
  @ApiProblems('not_found')
  async remove(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: WatchedFolderParams,
  ): Promise<void> {
    await this.folders.remove({ userId, origin }, id);
  }
}

function watchedFolderJson(folder: WatchedFolder): WatchedFolderDto {
  const { id, path, include, exclude, serverName, problem, unreadableCount, lastWalkAt, createdAt } = folder;
  return {
    id,
    path,
    include,
    exclude,
    folder: folder.folder,
    server_name: serverName,
    problem,
    unreadable_count: unreadableCount,
    last_walk_at: lastWalkAt?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
  };
}
