import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import type { Job } from '../../jobs/job.entity.js';
import { jobJson, jobPath } from '../../jobs/job-json.js';
import { JobDto } from '../../jobs/jobs.dto.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { nextLink } from '../../rest/page.dto.js';
import { WorkspaceIdParams } from '../workspaces/workspaces.dto.js';
import {
  ChangeSnapshotDto,
  SnapshotDto,
  SnapshotIdParams,
  SnapshotPageDto,
  SnapshotQuery,
} from './snapshot.dto.js';
import { SnapshotDeletion } from './snapshot-deletion.service.js';
import { Snapshots } from './snapshots.service.js';

const JOB = {
  type: JobDto,
  headers: { Location: { schema: { type: 'string' }, description: 'The job.' } },
} as const;

@ApiTags('Snapshots')
@Scopes('user')
@Controller('/api/v1')
export class SnapshotsController {
  constructor(
    private readonly snapshots: Snapshots,
    private readonly deletion: SnapshotDeletion,
  ) {}

  /** Newest first. Also of a deleted workspace whose snapshots are kept. */
  @Get('workspaces/:id/snapshots')
  @ApiOperation({ operationId: 'listSnapshots', summary: 'List the snapshots of a workspace' })
  @ApiProblems('validation_failed', 'not_found')
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WorkspaceIdParams,
    @Query() query: SnapshotQuery,
  ): Promise<SnapshotPageDto> {
    const { snapshots, nextCursor } = await this.snapshots.page(userId, id, query);
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: snapshots, next_cursor: nextCursor };
  }

  /** Also of a paused workspace. The job ends when the agent has told how its run ended. */
  @Post('workspaces/:id/snapshots')
  @HttpCode(202)
  @ApiOperation({ operationId: 'takeSnapshot', summary: 'Take a snapshot now' })
  @ApiAcceptedResponse(JOB)
  @ApiProblems('validation_failed', 'not_found')
  async take(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WorkspaceIdParams,
  ): Promise<JobDto> {
    return located(await this.snapshots.take(userId, id), reply);
  }

  @Get('snapshots/:id')
  @ApiOperation({ operationId: 'getSnapshot', summary: 'Show a snapshot' })
  @ApiProblems('validation_failed', 'not_found')
  get(@Caller() { userId }: Principal, @Param() { id }: SnapshotIdParams): Promise<SnapshotDto> {
    return this.snapshots.one(userId, id);
  }

  @Patch('snapshots/:id')
  @ApiOperation({ operationId: 'changeSnapshot', summary: 'Protect or tag a snapshot' })
  @ApiOkResponse({ type: SnapshotDto })
  @ApiProblems('validation_failed', 'not_found')
  async change(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: SnapshotIdParams,
    @Body() wanted: ChangeSnapshotDto,
  ): Promise<SnapshotDto> {
    await this.snapshots.change(origin, userId, id, wanted);
    return this.snapshots.one(userId, id);
  }

  /** It is gone from the list at once; a job removes it from the bucket. Protected ones refuse, and the newest does. */
  @Delete('snapshots/:id')
  @HttpCode(202)
  @ApiOperation({ operationId: 'deleteSnapshot', summary: 'Delete a snapshot' })
  @ApiAcceptedResponse(JOB)
  @ApiProblems('validation_failed', 'not_found', 'snapshot_protected', 'newest_snapshot')
  async remove(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: SnapshotIdParams,
  ): Promise<JobDto> {
    return located(await this.deletion.delete(origin, userId, id), reply);
  }
}

function located(job: Job, reply: FastifyReply): JobDto {
  void reply.header('location', jobPath(job.id));
  return jobJson(job);
}
