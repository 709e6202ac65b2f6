import { Body, Controller, Headers, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { abortOnDisconnect } from '../../credentials/abort-on-disconnect.js';
import { jobJson, jobPath } from '../../jobs/job-json.js';
import { JobDto } from '../../jobs/jobs.dto.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { Claim, type IdempotencyClaim } from '../../rest/idempotency-claim.decorator.js';
import { prefersAsync } from '../../rest/prefer.js';
import { FILE_ID, fileIdOf } from '../file-id.js';
import { toFile } from '../file-shapes.js';
import { FileDto } from '../files.dto.js';
import { BUCKET_PROBLEMS } from '../upload-docs.js';
import { CopyFile } from './copies.dto.js';
import { CopyJobs } from './copy-jobs.service.js';
import { FileCopies } from './file-copies.js';

@ApiTags('Files')
@Controller('/api/v1/files')
export class CopiesController {
  constructor(
    private readonly copies: FileCopies,
    private readonly jobs: CopyJobs,
  ) {}

  /**
   * Of its present content; versions and protection stay behind. The bucket copies by itself where it can, and then
   * `checksum` is there only if the provider says that the content is the same. Repeating the request makes another
   * copy, unless an Idempotency-Key says otherwise. What takes longer than what lies between client and server has
   * patience for is asked for with `Prefer: respond-async`: the answer is a job then, whose result names the copy.
   */
  @Post(':id/copy')
  @HttpCode(201)
  @Scopes('user')
  @ApiOperation({ operationId: 'copyFile', summary: 'Copy a file' })
  @ApiParam(FILE_ID)
  @ApiHeader({
    name: 'Prefer',
    required: false,
    schema: { type: 'string', example: 'respond-async' },
    description: '`respond-async`: answer at once, with a job (RFC 7240).',
  })
  @ApiCreatedResponse({
    type: FileDto,
    description: 'The copy.',
    headers: { Location: { description: 'Path of the copy.', schema: { type: 'string' } } },
  })
  @ApiAcceptedResponse({
    type: JobDto,
    description: 'Under way; `result.file_id` will be the copy.',
    headers: { Location: { description: 'Path of the job.', schema: { type: 'string' } } },
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
    @Headers() headers: IncomingHttpHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto | JobDto> {
    if (prefersAsync(headers)) {
      const job = await this.jobs.ask(userId, fileIdOf(id), body, claim);
      void reply.code(202).header('location', jobPath(job.id)).header('preference-applied', 'respond-async');
      return jobJson(job);
    }
    const sender = { signal: abortOnDisconnect(reply.raw) };
    const copy = await this.copies.copy([userId, fileIdOf(id)], body, claim, sender);
    void reply.header('location', `/api/v1/files/${copy.id}`);
    return toFile(copy);
  }
}
