import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { jobJson, jobPath } from '../../jobs/job-json.js';
import { JobDto } from '../../jobs/jobs.dto.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { DrilledWorkspaceParams, NewDrillDto } from './drills.dto.js';
import { Drills } from './drills.service.js';

@ApiTags('Workspaces')
@Scopes('user')
@Controller('/api/v1/workspaces/:id/drills')
export class DrillsController {
  constructor(private readonly drills: Drills) {}

  /**
   * Restores a snapshot into scratch space on the server, reads everything back and compares it with the repository: what
   * `last_proven_at` tells. A snapshot that is too large for the space is rehearsed in part, which proves less. While a
   * drill of the workspace is under way, its job is answered.
   */
  @Post()
  @HttpCode(202)
  @ApiOperation({ operationId: 'drillWorkspace', summary: 'Rehearse a restore' })
  @ApiAcceptedResponse({ type: JobDto, description: 'Under way; `Location` is its job.' })
  @ApiProblems('not_found', 'no_snapshot')
  async drill(
    @Caller() { userId }: Principal,
    @Param() { id }: DrilledWorkspaceParams,
    @Body() { snapshot_id }: NewDrillDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const job = await this.drills.ask(userId, id, snapshot_id);
    void reply.header('location', jobPath(job.id));
    return jobJson(job);
  }
}
