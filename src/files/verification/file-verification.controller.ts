import { Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { jobJson, jobPath } from '../../jobs/job-json.js';
import { JobDto } from '../../jobs/jobs.dto.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { fileIdOf } from '../file-id.js';
import { FileVerification } from './file-verification.service.js';

@ApiTags('Files')
@Scopes('user')
@Controller('/api/v1/files/:id/verify')
export class FileVerificationController {
  constructor(private readonly verification: FileVerification) {}

  /**
   * Reads the file back from the bucket and computes its SHA-256 and CRC-32: from then on they are this server's own word
   * (`checksum_source`), and every download is checked by them. A file that is not what was announced makes the job fail
   * with `file_damaged`. While one is under way already, its job is answered.
   */
  @Post()
  @HttpCode(202)
  @ApiOperation({ operationId: 'verifyFile', summary: 'Read a file back and compare it' })
  @ApiParam({ name: 'id', schema: { type: 'integer', minimum: 1, maximum: 2147483647 }, example: 4217 })
  @ApiAcceptedResponse({ type: JobDto, description: 'Under way; `Location` is its job.' })
  @ApiProblems('validation_failed', 'not_found')
  async verify(
    @Caller() { userId }: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const job = await this.verification.ask(userId, fileIdOf(id));
    void reply.header('location', jobPath(job.id));
    return jobJson(job);
  }
}
