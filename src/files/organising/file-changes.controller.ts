import { Body, Controller, Headers, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { FILE_ID, fileIdOf } from '../file-id.js';
import { FileReads } from '../file-reads.js';
import { FileDto } from '../files.dto.js';
import { BulkChanges } from './bulk-changes.service.js';
import { FileChanges } from './file-changes.service.js';
import { fileEtag } from './file-tag.js';
import { ChangedFilesDto, ChangeFile, ChangeFiles } from './organising.dto.js';

@ApiTags('Files')
@Scopes('user')
@Controller('/api/v1/files')
export class FileChangesController {
  constructor(
    private readonly changes: FileChanges,
    private readonly bulk: BulkChanges,
    private readonly reads: FileReads,
  ) {}

  /** No byte moves in the bucket. */
  @Patch(':id')
  @ApiOperation({ operationId: 'changeFile', summary: 'Rename, move, tag or protect a file' })
  @ApiParam(FILE_ID)
  @ApiHeader({ name: 'If-Match', required: false, description: 'Only while the file has this ETag.' })
  @ApiOkResponse({ type: FileDto })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'precondition_failed',
    'invalid_filename',
    'invalid_folder',
    'invalid_tags',
  )
  async change(
    @Caller() { userId }: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body() body: ChangeFile,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto> {
    const fileId = fileIdOf(id);
    await this.changes.change([userId, fileId], body, ifMatch, origin);
    const file = await this.reads.one(userId, fileId);
    void reply.header('etag', fileEtag(file));
    return file;
  }

  /** All that can be changed is changed at once; `unchanged_ids` names the rest. */
  @Post('bulk')
  @HttpCode(200)
  @ApiOperation({ operationId: 'changeFiles', summary: 'Change many files at once' })
  @ApiOkResponse({ type: ChangedFilesDto })
  @ApiProblems('validation_failed', 'invalid_folder', 'invalid_tags')
  async changeMany(
    @Caller() { userId }: Principal,
    @Body() body: ChangeFiles,
    @Origin() origin: AuditOrigin,
  ): Promise<ChangedFilesDto> {
    const changed = new Set(await this.bulk.apply(userId, body, origin));
    const ids = [...new Set(body.ids)];
    return { changed: changed.size, unchanged_ids: ids.filter((id) => !changed.has(id)) };
  }
}
