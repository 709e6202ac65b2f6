import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { jobJson, jobPath } from '../../jobs/job-json.js';
import { JobDto } from '../../jobs/jobs.dto.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { AskedChecks } from './asked-checks.service.js';
import { CheckedWorkspaceParams, NewCheckDto } from './checks.dto.js';

@ApiTags('Workspaces')
@Scopes('user')
@Controller('/api/v1/workspaces/:id/checks')
export class ChecksController {
  constructor(private readonly checks: AskedChecks) {}

  /**
   * Checks the repository now: its structure, that every snapshot is there, and as much of the content as was asked for.
   * The job’s result names what is wrong; while a check is under way already, its job is answered.
   */
  @Post()
  @HttpCode(202)
  @ApiOperation({ operationId: 'checkWorkspace', summary: 'Check a workspace’s repository' })
  @ApiAcceptedResponse({ type: JobDto, description: 'Under way; `Location` is its job.' })
  @ApiProblems('not_found')
  async check(
    @Caller() { userId }: Principal,
    @Param() { id }: CheckedWorkspaceParams,
    @Body() { read_data }: NewCheckDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const job = await this.checks.ask(userId, id, read_data);
    void reply.header('location', jobPath(job.id));
    return jobJson(job);
  }
}
