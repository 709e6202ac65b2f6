import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { jobJson, jobPath } from '../../jobs/job-json.js';
import { JobDto } from '../../jobs/jobs.dto.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { etagOf } from '../../rest/etag.js';
import { nextLink } from '../../rest/page.dto.js';
import { BUCKET_PROBLEMS } from '../repository-problems.js';
import { WorkspaceDto, WorkspacePageDto } from './workspace.dto.js';
import { WorkspaceDeletion } from './workspace-deletion.service.js';
import { WorkspaceListing } from './workspace-listing.service.js';
import {
  ChangeWorkspaceDto,
  DeleteWorkspaceQuery,
  NewWorkspaceDto,
  WorkspaceIdParams,
  WorkspaceQuery,
} from './workspaces.dto.js';
import { Workspaces } from './workspaces.service.js';

const PATH = '/api/v1/workspaces';
const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description: 'Change it only in the state with this ETag.',
} as const;

@ApiTags('Workspaces')
@Scopes('user')
@Controller(PATH)
export class WorkspacesController {
  constructor(
    private readonly workspaces: Workspaces,
    private readonly listing: WorkspaceListing,
    private readonly deletion: WorkspaceDeletion,
  ) {}

  /** Makes a restic repository in your bucket, and asks the agent for the first snapshot. */
  @Post()
  @ApiOperation({ operationId: 'createWorkspace', summary: 'Protect a directory of a host' })
  @ApiCreatedResponse({
    type: WorkspaceDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The workspace.' } },
  })
  @ApiProblems('no_agent', 'path_refused', 'name_taken', ...BUCKET_PROBLEMS)
  async create(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() wanted: NewWorkspaceDto,
  ): Promise<WorkspaceDto> {
    const id = await this.workspaces.create({ caller, origin }, wanted);
    void reply.header('location', `${PATH}/${id}`);
    return this.answer(caller.userId, id, reply);
  }

  /** In the order in which they were made. */
  @Get()
  @ApiOperation({ operationId: 'listWorkspaces', summary: 'List your workspaces, and how safe they are' })
  @ApiProblems('validation_failed')
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() query: WorkspaceQuery,
  ): Promise<WorkspacePageDto> {
    const { workspaces, nextCursor } = await this.listing.page(userId, query);
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: workspaces, next_cursor: nextCursor };
  }

  /** A deleted one, too, while its snapshots are kept. */
  @Get(':id')
  @ApiOperation({ operationId: 'getWorkspace', summary: 'Show a workspace, and how safe it is' })
  @ApiProblems('validation_failed', 'not_found')
  async get(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WorkspaceIdParams,
  ): Promise<WorkspaceDto> {
    return this.answer(userId, id, reply);
  }

  /** The agent hears of it at once. With another `agent_id` the workspace moves to another host. */
  @Patch(':id')
  @ApiOperation({ operationId: 'changeWorkspace', summary: 'Change, pause, resume or move a workspace' })
  @ApiHeader(IF_MATCH)
  @ApiOkResponse({ type: WorkspaceDto })
  @ApiProblems('not_found', 'precondition_failed', 'path_refused', 'name_taken')
  async change(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WorkspaceIdParams,
    @Body() wanted: ChangeWorkspaceDto,
  ): Promise<WorkspaceDto> {
    await this.workspaces.change({ caller, origin }, id, wanted, ifMatch);
    return this.answer(caller.userId, id, reply);
  }

  /**
   * No snapshot is taken any more. Those in the bucket stay, can be restored, and are counted, unless
   * `delete_snapshots` is asked for; that takes a job.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ operationId: 'deleteWorkspace', summary: 'Stop protecting a directory' })
  @ApiNoContentResponse({ description: 'It is gone from the list; its snapshots stay.' })
  @ApiAcceptedResponse({
    type: JobDto,
    description: 'It is gone from the list; a job removes its snapshots.',
    headers: { Location: { schema: { type: 'string' }, description: 'The job.' } },
  })
  @ApiProblems('validation_failed', 'not_found', 'snapshot_protected')
  async remove(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WorkspaceIdParams,
    @Query() { delete_snapshots }: DeleteWorkspaceQuery,
  ): Promise<JobDto | undefined> {
    const job = await this.deletion.delete({ caller, origin }, id, delete_snapshots);
    if (job === undefined) return undefined;
    void reply.status(202).header('location', jobPath(job.id));
    return jobJson(job);
  }

  private async answer(userId: number, id: string, reply: FastifyReply): Promise<WorkspaceDto> {
    const { workspace, version } = await this.listing.one(userId, id);
    void reply.header('etag', etagOf(version));
    return workspace;
  }
}
