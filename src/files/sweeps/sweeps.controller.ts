import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { jobJson, jobPath } from '../../jobs/job-json.js';
import { JobDto } from '../../jobs/jobs.dto.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { nextLink, PageQuery } from '../../rest/page.dto.js';
import { Reconciliations } from './reconciliations.service.js';
import { sweepRunJson } from './sweep-json.js';
import { SweepRuns } from './sweep-runs.service.js';
import { ConfirmSweepDto, ReconcileDto, SweepIdParams, SweepRunDto, SweepRunPageDto } from './sweeps.dto.js';
import { Sweeps } from './sweeps.service.js';

@ApiTags('Files')
@Scopes('user')
@Controller()
export class SweepsController {
  constructor(
    private readonly sweeps: Sweeps,
    private readonly runs: SweepRuns,
    private readonly reconciliations: Reconciliations,
  ) {}

  /** Buckets in use are looked through every day: what uploads left behind goes, what is missing is told. */
  @Get('/api/v1/sweeps')
  @ApiOperation({ operationId: 'listSweeps', summary: 'List the last sweeps of your buckets' })
  @ApiOkResponse({ type: SweepRunPageDto })
  @ApiProblems('validation_failed')
  async list(
    @Caller() { userId }: Principal,
    @Query() { limit, cursor }: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SweepRunPageDto> {
    const { runs, nextCursor } = await this.runs.page(userId, limit, cursor);
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: runs.map((run) => sweepRunJson(run)), next_cursor: nextCursor };
  }

  /** As it is done every day. The job’s result is the sweep; while one is under way, its job is answered. */
  @Post('/api/v1/sweeps')
  @HttpCode(202)
  @ApiOperation({ operationId: 'sweepBucket', summary: 'Look through your bucket now' })
  @ApiAcceptedResponse({ type: JobDto, description: 'Under way; `Location` is its job.' })
  @ApiProblems('cloud_not_configured', 'sealed', 'credentials_unreadable')
  async sweep(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const job = await this.sweeps.ask(userId);
    void reply.header('location', jobPath(job.id));
    return jobJson(job);
  }

  /**
   * A sweep that finds more than 5 % of a bucket’s objects, or more than 1,000, without a row stops. This lets those
   * objects go, and no others, once the next sweep finds them still without one.
   */
  @Post('/api/v1/sweeps/:id/confirm')
  @HttpCode(200)
  @ApiOperation({ operationId: 'confirmSweep', summary: 'Let the objects go that a sweep stopped at' })
  @ApiOkResponse({ type: SweepRunDto })
  @ApiProblems('validation_failed', 'not_found', 'plan_changed')
  async confirm(
    @Caller() { userId }: Principal,
    @Param() { id }: SweepIdParams,
    @Body() { candidate_objects }: ConfirmSweepDto,
    @Origin() origin: AuditOrigin,
  ): Promise<SweepRunDto> {
    return sweepRunJson(await this.runs.confirm(userId, id, candidate_objects, origin));
  }

  /**
   * Compares your bucket with the database, after a restore of an older dump or a move to another server. The job’s result
   * says what differs. Until it was done with `adopt`, nothing is deleted in a bucket that has seen a later state.
   */
  @Post('/api/v1/files/reconcile')
  @HttpCode(202)
  @ApiOperation({ operationId: 'reconcileBucket', summary: 'Compare your bucket with the database' })
  @ApiAcceptedResponse({ type: JobDto, description: 'Under way; `Location` is its job.' })
  @ApiProblems('validation_failed', 'cloud_not_configured', 'sealed', 'credentials_unreadable')
  async reconcile(
    @Caller() { userId }: Principal,
    @Body() { adopt, cloud_config_id: configId }: ReconcileDto,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const job = await this.reconciliations.ask(userId, { adopt, configId }, origin);
    void reply.header('location', jobPath(job.id));
    return jobJson(job);
  }
}
