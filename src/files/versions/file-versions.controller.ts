import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { decodeCursor } from '../../rest/cursor.js';
import { cutPage } from '../../rest/cut-page.js';
import { nextLink, PageQuery } from '../../rest/page.dto.js';
import { ContentAnswers, ContentConditions, PresentationQuery } from '../content-answers.js';
import { ContentSender } from '../content-sender.js';
import { FILE_ID, fileIdOf } from '../file-id.js';
import { FileReads } from '../file-reads.js';
import { FileDto } from '../files.dto.js';
import { BUCKET_PROBLEMS } from '../upload-docs.js';
import { FileVersionDto, FileVersionPageDto } from './file-versions.dto.js';
import { FileVersions, type VersionRow } from './file-versions.service.js';

const VERSION = { name: 'version', schema: { type: 'integer', minimum: 1 }, example: 3 } as const;
const NO_LIMIT = 2_147_483_647;

@ApiTags('Files')
@Scopes('user')
@Controller('/api/v1/files/:id/versions')
export class FileVersionsController {
  constructor(
    private readonly versions: FileVersions,
    private readonly reads: FileReads,
    private readonly sender: ContentSender,
  ) {}

  /** The newest first, beginning with the present content. */
  @Get()
  @ApiOperation({ operationId: 'listVersionsOfFile', summary: 'List the contents that a file has had' })
  @ApiParam(FILE_ID)
  @ApiOkResponse({ type: FileVersionPageDto })
  @ApiProblems('validation_failed', 'not_found')
  async list(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Query() { limit, cursor }: PageQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileVersionPageDto> {
    const { userId } = request.principal;
    const { below } =
      cursor === undefined ? { below: NO_LIMIT } : decodeCursor<Below>(cursor, { below: 'integer' });
    const file = await this.reads.record(userId, fileIdOf(id));
    const rows = await this.versions.list(userId, file.id, below, limit + 1);
    const { shown, nextCursor } = cutPage(rows, limit, ({ version }) => ({ below: version }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(versionJson), next_cursor: nextCursor };
  }

  /** As the content of the file itself. */
  @Get(':version/content')
  @ApiOperation({ operationId: 'downloadFileVersion', summary: 'Download a content that a file has had' })
  @ApiParam(FILE_ID)
  @ApiParam(VERSION)
  @PresentationQuery()
  @ContentConditions()
  @ContentAnswers('validation_failed', 'not_found', 'invalid_filename')
  content(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Param('version') version: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const at = [fileIdOf(id), fileIdOf(version, 'version')] as const;
    return this.sender.sendVersion(request.principal.userId, at, request, reply);
  }

  /** It becomes the newest version; the content before stays as a version, too. */
  @Post(':version/restore')
  @HttpCode(200)
  @ApiOperation({ operationId: 'restoreFileVersion', summary: 'Make an earlier content the present one' })
  @ApiParam(FILE_ID)
  @ApiParam(VERSION)
  @ApiOkResponse({ type: FileDto })
  @ApiProblems('validation_failed', 'not_found')
  async restore(
    @Caller() { userId }: Principal,
    @Param('id') id: string,
    @Param('version') version: string,
    @Origin() origin: AuditOrigin,
  ): Promise<FileDto> {
    const fileId = fileIdOf(id);
    await this.versions.restore(userId, fileId, fileIdOf(version, 'version'), origin);
    return this.reads.one(userId, fileId);
  }

  /** For good, with its object; when the bucket fails, the object goes later. */
  @Delete(':version')
  @HttpCode(204)
  @ApiOperation({ operationId: 'deleteFileVersion', summary: 'Delete an earlier content of a file' })
  @ApiParam(FILE_ID)
  @ApiParam(VERSION)
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'file_protected',
    'version_in_use',
    'cloud_not_configured',
    'sealed',
    ...BUCKET_PROBLEMS,
  )
  async remove(
    @Caller() { userId }: Principal,
    @Param('id') id: string,
    @Param('version') version: string,
    @Origin() origin: AuditOrigin,
  ): Promise<void> {
    await this.versions.delete(userId, fileIdOf(id), fileIdOf(version, 'version'), origin);
  }
}

interface Below {
  readonly below: number;
}

function versionJson(row: VersionRow): FileVersionDto {
  return {
    version: row.version,
    file_size: Number(row.file_size),
    content_type: row.content_type,
    checksum: row.checksum,
    checksum_source: row.checksum_source,
    provider: row.provider,
    uploaded_at: row.uploaded_at.toISOString(),
    superseded_at: row.superseded_at?.toISOString() ?? null,
  };
}
