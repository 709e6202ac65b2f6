import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { Principal } from '../auth/principal.js';
import { notFound } from '../errors/request-errors.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { nextLink } from '../rest/page.dto.js';
import { jobJson } from './job-json.js';
import { JobListing } from './job-listing.service.js';
import { JobDto, JobIdParams, JobPageDto, JobQuery } from './jobs.dto.js';
import { Jobs } from './jobs.service.js';

@ApiTags('Jobs')
@Scopes('user')
@Controller('/api/v1/jobs')
export class JobsController {
  constructor(
    private readonly jobs: Jobs,
    private readonly listing: JobListing,
  ) {}

  /** The newest first. */
  @Get()
  @ApiOperation({ operationId: 'listJobs', summary: 'List long work' })
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() query: JobQuery,
  ): Promise<JobPageDto> {
    const { jobs, nextCursor } = await this.listing.page(userId, query);
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: jobs.map(jobJson), next_cursor: nextCursor };
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getJob', summary: 'Look at long work' })
  @ApiProblems('not_found')
  async get(@Caller() { userId }: Principal, @Param() { id }: JobIdParams): Promise<JobDto> {
    const job = await this.jobs.find(userId, id);
    if (job === null) throw notFound('job');
    return jobJson(job);
  }
}
