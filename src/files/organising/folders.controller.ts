import { Body, Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { decodeCursor } from '../../rest/cursor.js';
import { cutPage } from '../../rest/cut-page.js';
import { nextLink } from '../../rest/page.dto.js';
import { cleanFolder } from '../folder-path.js';
import { type FolderRow, Folders } from './folders.js';
import {
  FolderDto,
  FolderPageDto,
  ListFoldersQuery,
  RenamedFolderDto,
  RenameFolder,
} from './organising.dto.js';

@ApiTags('Files')
@Scopes('user')
@Controller('/api/v1/folders')
export class FoldersController {
  constructor(private readonly folders: Folders) {}

  /** Folders exist as long as a file is in them or below them. */
  @Get()
  @ApiOperation({ operationId: 'listFolders', summary: 'List the folders in a folder' })
  @ApiOkResponse({ type: FolderPageDto })
  @ApiProblems('validation_failed', 'invalid_folder', 'too_many_searches')
  async list(
    @Req() request: AuthenticatedRequest,
    @Query() { parent, limit, cursor }: ListFoldersQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FolderPageDto> {
    const { userId } = request.principal;
    const folder = cleanFolder(parent);
    const after = cursor === undefined ? undefined : afterOf(cursor);
    const rows = await this.folders.list(userId, folder, after, limit + 1);
    const { shown, nextCursor } = cutPage(rows, limit, (row) => ({ folder: row.folder }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map((row) => folderJson(row, folder)), next_cursor: nextCursor };
  }

  /** All that is in it and below it moves at once; no byte moves in the bucket. */
  @Post('rename')
  @HttpCode(200)
  @ApiOperation({ operationId: 'renameFolder', summary: 'Rename or move a folder' })
  @ApiOkResponse({ type: RenamedFolderDto })
  @ApiProblems('validation_failed', 'invalid_folder')
  async rename(
    @Caller() { userId }: Principal,
    @Body() { from, to }: RenameFolder,
    @Origin() origin: AuditOrigin,
  ): Promise<RenamedFolderDto> {
    return { moved: await this.folders.rename(userId, from, to, origin) };
  }
}

function afterOf(cursor: string): string {
  return cleanFolder(decodeCursor<{ readonly folder: string }>(cursor, { folder: 'text' }).folder);
}

function folderJson({ folder, file_count, total_bytes }: FolderRow, parent: string): FolderDto {
  return {
    folder,
    name: folder.slice(parent.length, -1),
    file_count: Number(file_count),
    total_bytes: Number(total_bytes),
  };
}
