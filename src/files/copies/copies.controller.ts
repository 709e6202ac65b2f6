import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { abortOnDisconnect } from '../../credentials/abort-on-disconnect.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { Claim, type IdempotencyClaim } from '../../rest/idempotency-claim.decorator.js';
import { FILE_ID, fileIdOf } from '../file-id.js';
import { toFile } from '../file-shapes.js';
import { FileDto } from '../files.dto.js';
import { BUCKET_PROBLEMS } from '../upload-docs.js';
import { CopyFile } from './copies.dto.js';
import { FileCopies } from './file-copies.js';

@ApiTags('Files')
@Controller('/api/v1/files')
export class CopiesController {
  constructor(private readonly copies: FileCopies) {}

  /**
   * Of its present content; versions and protection stay behind. The bucket copies by itself where it can, and then
   * `checksum` is there only if the provider says that the content is the same. Repeating the request makes another
   * copy, unless an Idempotency-Key says otherwise.
   */
  @Post(':id/copy')
  @HttpCode(201)
  @Scopes('user')
  @ApiOperation({ operationId: 'copyFile', summary: 'Copy a file' })
  @ApiParam(FILE_ID)
  @ApiCreatedResponse({
    type: FileDto,
    headers: { Location: { description: 'Path of the copy.', schema: { type: 'string' } } },
  })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'invalid_filename',
    'invalid_folder',
    'invalid_tags',
    'file_too_large',
    'quota_exceeded',
    'too_many_uploads',
    'object_not_found',
    'file_damaged',
    'cloud_not_configured',
    'sealed',
    'credentials_unreadable',
    ...BUCKET_PROBLEMS,
  )
  async copy(
    @Caller() { userId }: Principal,
    @Param('id') id: string,
    @Body() body: CopyFile,
    @Claim() claim: IdempotencyClaim | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto> {
    const sender = { signal: abortOnDisconnect(reply.raw) };
    const copy = await this.copies.copy([userId, fileIdOf(id)], body, claim, sender);
    void reply.header('location', `/api/v1/files/${copy.id}`);
    return toFile(copy);
  }
}
