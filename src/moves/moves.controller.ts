import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { abortOnDisconnect } from '../credentials/abort-on-disconnect.js';
import { jobPath } from '../jobs/job-json.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import type { FileMove } from './file-move.entity.js';
import { moveJson } from './move-json.js';
import { MoveViews } from './move-view.service.js';
import { MoveDto, MoveIdParams, MoveListDto, PlanMoveDto, StartMoveDto } from './moves.dto.js';
import { Moves } from './moves.service.js';

const PATH = '/api/v1/moves';
const LOCATION = { Location: { schema: { type: 'string' }, description: 'The job.' } } as const;

@ApiTags('Moves')
@Scopes('user')
@Controller()
export class MovesController {
  constructor(
    private readonly moves: Moves,
    private readonly views: MoveViews,
  ) {}

  /**
   * Tests the settings of another bucket, keeps them, and reckons what moving all files there takes and costs. Nothing is
   * copied before `start`, and the present bucket stays in use until everything is copied.
   */
  @Post(PATH)
  @ApiOperation({ operationId: 'planMove', summary: 'Plan to move all files into another bucket' })
  @ApiCreatedResponse({
    type: MoveDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The move.' } },
  })
  @ApiProblems(
    'validation_failed',
    'move_under_way',
    'cloud_not_configured',
    'sealed',
    'credentials_unreadable',
    'connection_failed',
    'invalid_credentials',
    'bucket_not_found',
    'access_denied',
    'wrong_region',
  )
  async plan(
    @Caller() principal: Principal,
    @Origin() origin: AuditOrigin,
    @Body() { target }: PlanMoveDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MoveDto> {
    const move = await this.moves.plan({ principal, origin }, target, abortOnDisconnect(reply.raw));
    void reply.header('location', `${PATH}/${move.id}`);
    return moveJson(await this.views.of(move));
  }

  @Get(PATH)
  @ApiOperation({ operationId: 'listMoves', summary: 'List moves' })
  async list(@Caller() { userId }: Principal): Promise<MoveListDto> {
    const data: MoveDto[] = [];
    for (const move of await this.moves.list(userId)) data.push(moveJson(await this.views.of(move)));
    return { data };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getMove', summary: 'Look at a move' })
  @ApiProblems('validation_failed', 'not_found')
  async get(@Caller() { userId }: Principal, @Param() { id }: MoveIdParams): Promise<MoveDto> {
    return moveJson(await this.views.of(await this.moves.get(userId, id)));
  }

  /**
   * Copies everything, verifies each copy, then switches in one transaction and catches up with what was uploaded
   * meanwhile. After a stop it goes on.
   */
  @Post(`${PATH}/:id/start`)
  @HttpCode(202)
  @ApiOperation({ operationId: 'startMove', summary: 'Start a move' })
  @ApiAcceptedResponse({ type: MoveDto, headers: LOCATION })
  @ApiProblems('validation_failed', 'not_found', 'move_state')
  start(
    @Caller() principal: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: MoveIdParams,
    @Body() { skip_failed: skipFailed }: StartMoveDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MoveDto> {
    return this.accepted(this.moves.start({ principal, origin }, id, { skipFailed }), reply);
  }

  /** Until the switch. Files stay where they are; copies that were made are deleted. */
  @Post(`${PATH}/:id/cancel`)
  @HttpCode(202)
  @ApiOperation({ operationId: 'cancelMove', summary: 'Cancel a move' })
  @ApiAcceptedResponse({ type: MoveDto, headers: LOCATION })
  @ApiProblems('validation_failed', 'not_found', 'move_state')
  cancel(
    @Caller() principal: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: MoveIdParams,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MoveDto> {
    return this.accepted(this.moves.cancel({ principal, origin }, id), reply);
  }

  /** Deletes the old objects whose copies are in use. There is no way back from it. */
  @Post(`${PATH}/:id/clean-up`)
  @HttpCode(202)
  @ApiOperation({ operationId: 'cleanUpMove', summary: 'Delete the old objects of a move' })
  @ApiAcceptedResponse({ type: MoveDto, headers: LOCATION })
  @ApiProblems('validation_failed', 'not_found', 'move_state')
  cleanUp(
    @Caller() principal: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: MoveIdParams,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MoveDto> {
    return this.accepted(this.moves.cleanUp({ principal, origin }, id), reply);
  }

  private async accepted(changing: Promise<FileMove>, reply: FastifyReply): Promise<MoveDto> {
    const move = await changing;
    if (move.jobId !== null) void reply.header('location', jobPath(move.jobId));
    return moveJson(await this.views.of(move));
  }
}
