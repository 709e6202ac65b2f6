import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { nextLink } from '../../rest/page.dto.js';
import { RestoreEvents } from './restore-events.service.js';
import { RestoreListing } from './restore-listing.service.js';
import { NewRestoreDto, RestoreDto, RestoreIdParams, RestorePageDto, RestoreQuery } from './restores.dto.js';
import { Restores } from './restores.service.js';

const PATH = '/api/v1/restores';

@ApiTags('Restores')
@Scopes('user')
@Controller(PATH)
export class RestoresController {
  constructor(
    private readonly restores: Restores,
    private readonly listing: RestoreListing,
    private readonly events: RestoreEvents,
  ) {}

  /** The agent plans it first: counts, bytes, time and cost. It begins with `start`, now or when you have seen that. */
  @Post()
  @HttpCode(202)
  @ApiOperation({ operationId: 'createRestore', summary: 'Bring a snapshot back to a host' })
  @ApiAcceptedResponse({
    type: RestoreDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The restore.' } },
  })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'no_snapshot',
    'no_agent',
    'path_refused',
    'confirmation_required',
  )
  async create(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() wanted: NewRestoreDto,
  ): Promise<RestoreDto> {
    const id = await this.restores.order({ caller, origin }, wanted);
    void reply.header('location', `${PATH}/${id}`);
    return (await this.listing.one(caller.userId, id)).restore;
  }

  /** Newest first; drills among them. */
  @Get()
  @ApiOperation({ operationId: 'listRestores', summary: 'List restores and drills' })
  @ApiProblems('validation_failed')
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() query: RestoreQuery,
  ): Promise<RestorePageDto> {
    const { restores, nextCursor } = await this.listing.page(userId, query);
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: restores, next_cursor: nextCursor };
  }

  @Get(':id')
  @ApiOperation({
    operationId: 'getRestore',
    summary: 'Show a restore: its plan, how far it is, what came of it',
  })
  @ApiProblems('validation_failed', 'not_found')
  async get(@Caller() { userId }: Principal, @Param() { id }: RestoreIdParams): Promise<RestoreDto> {
    return (await this.listing.one(userId, id)).restore;
  }

  @Post(':id/start')
  @HttpCode(200)
  @ApiOperation({ operationId: 'startRestore', summary: 'Do what was planned' })
  @ApiOkResponse({ type: RestoreDto })
  @ApiProblems('validation_failed', 'not_found', 'restore_state')
  async start(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: RestoreIdParams,
  ): Promise<RestoreDto> {
    await this.restores.start({ caller, origin }, id);
    return (await this.listing.one(caller.userId, id)).restore;
  }

  /** What was restored until then stays where it is. */
  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ operationId: 'cancelRestore', summary: 'Stop a restore' })
  @ApiOkResponse({ type: RestoreDto })
  @ApiProblems('validation_failed', 'not_found', 'restore_state')
  async cancel(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: RestoreIdParams,
  ): Promise<RestoreDto> {
    await this.restores.cancel({ caller, origin }, id);
    return (await this.listing.one(caller.userId, id)).restore;
  }

  /**
   * Server-sent events called `restore`, each with the whole restore as its data: the present state at once, then every
   * change; the stream ends when the restore has. Comments keep it alive.
   */
  @Get(':id/events')
  @ApiOperation({ operationId: 'watchRestore', summary: 'Watch a restore' })
  @ApiProduces('text/event-stream')
  @ApiResponse({
    status: 200,
    description: 'Events until the restore has ended.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  @ApiProblems('validation_failed', 'not_found', 'too_many_streams')
  watch(
    @Caller() { userId }: Principal,
    @Res() reply: FastifyReply,
    @Param() { id }: RestoreIdParams,
  ): Promise<void> {
    return this.events.stream(userId, id, reply);
  }
}
