import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { jobJson, jobPath } from '../jobs/job-json.js';
import { JobDto } from '../jobs/jobs.dto.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { nextLink, PageQuery } from '../rest/page.dto.js';
import { FILE_ID, fileIdOf } from './file-id.js';
import { FileReads } from './file-reads.js';
import { FileTrash } from './file-trash.service.js';
import { FileDto, FilePageDto } from './files.dto.js';
import { TrashEmptying } from './trash-emptying.service.js';

@ApiTags('Files')
@Scopes('user')
@Controller()
export class TrashController {
  constructor(
    private readonly trash: FileTrash,
    private readonly emptying: TrashEmptying,
    private readonly reads: FileReads,
  ) {}

  /** What was deleted last comes first. Each goes for good `trash_days` of the sync settings after its deletion. */
  @Get('/api/v1/files/trash')
  @ApiOperation({ operationId: 'listTrash', summary: 'List the files in your trash' })
  @ApiOkResponse({ type: FilePageDto })
  @ApiProblems('validation_failed')
  async list(
    @Req() request: AuthenticatedRequest,
    @Query() { limit, cursor }: PageQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FilePageDto> {
    const { files, nextCursor } = await this.reads.trashPage(request.principal.userId, limit, cursor);
    if (nextCursor !== undefined) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: files, next_cursor: nextCursor ?? null };
  }

  /** Deletes what is in the trash now, for good. While it is being emptied already, that job is answered. */
  @Post('/api/v1/files/trash/empty')
  @HttpCode(202)
  @ApiOperation({ operationId: 'emptyTrash', summary: 'Empty your trash' })
  @ApiAcceptedResponse({ type: JobDto, description: 'Under way; `Location` is its job.' })
  async empty(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const job = await this.emptying.ask(userId, origin);
    void reply.header('location', jobPath(job.id));
    return jobJson(job);
  }

  /** It is back where it was, with its versions. */
  @Post('/api/v1/files/:id/restore')
  @HttpCode(200)
  @ApiOperation({ operationId: 'restoreFile', summary: 'Take a file out of the trash' })
  @ApiParam(FILE_ID)
  @ApiOkResponse({ type: FileDto })
  @ApiProblems('validation_failed', 'not_found')
  async restore(
    @Caller() { userId }: Principal,
    @Param('id') id: string,
    @Origin() origin: AuditOrigin,
  ): Promise<FileDto> {
    const fileId = fileIdOf(id);
    await this.trash.restore(userId, fileId, origin);
    return this.reads.one(userId, fileId);
  }
}
