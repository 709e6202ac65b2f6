import { Body, Controller, HttpCode, Post, Res, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import { Scopes } from '../../auth/access.decorators.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import type { CallingAgent } from '../calling-agents.service.js';
import { AgentProtocolGuard, Calling } from './agent-protocol.guard.js';
import { AskedRestores } from './asked-restores.service.js';
import { Heartbeats } from './heartbeats.service.js';
import {
  RequestRestoreDto,
  RestoreDecisionDto,
  RestoreIdDto,
  RestoreStatusDto,
} from './messages/asked-restore.dto.js';
import { HeartbeatAnswerDto, HeartbeatDto } from './messages/heartbeat.dto.js';
import { DesiredRestoreDto, DesiredStateDto, SyncRequestDto } from './messages/sync.dto.js';
import { ProtocolHeader } from './protocol-header.decorator.js';
import { Syncs } from './syncs.service.js';

/** What an agent is told and tells. */
@ApiTags('Agent protocol')
@Scopes('agent')
@UseGuards(AgentProtocolGuard)
@Controller()
export class AgentController {
  constructor(
    private readonly syncs: Syncs,
    private readonly heartbeats: Heartbeats,
    private readonly restores: AskedRestores,
  ) {}

  /** Answers when something else is wanted than in `revision`, and when `wait_seconds` are over. */
  @Post(AGENT_PATHS.sync)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'syncAgent', summary: 'Hear what is wanted' })
  @ApiOkResponse({ type: DesiredStateDto })
  @ApiProblems('unsupported_protocol', 'agent_removed')
  async sync(
    @Calling() agent: CallingAgent,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: SyncRequestDto,
  ): Promise<DesiredStateDto> {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return (await this.syncs.sync(agent, body, gone.signal)) as DesiredStateDto;
  }

  /** Renews leases; tells how runs and restores went. What was told before changes nothing. */
  @Post(AGENT_PATHS.heartbeat)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'sendHeartbeat', summary: 'Tell how things are' })
  @ApiOkResponse({ type: HeartbeatAnswerDto })
  @ApiProblems('unsupported_protocol', 'agent_removed')
  async heartbeat(@Calling() agent: CallingAgent, @Body() body: HeartbeatDto): Promise<HeartbeatAnswerDto> {
    return (await this.heartbeats.beat(agent, body)) as HeartbeatAnswerDto;
  }

  /** From the command line of the agent’s host, onto that host. */
  @Post(AGENT_PATHS.requestRestore)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'askForRestore', summary: 'Ask for a restore onto this host' })
  @ApiOkResponse({ type: DesiredRestoreDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'not_found', 'too_many_restores')
  async askForRestore(
    @Calling() agent: CallingAgent,
    @Body() body: RequestRestoreDto,
  ): Promise<DesiredRestoreDto> {
    return (await this.restores.ask(agent, body)) as DesiredRestoreDto;
  }

  @Post(AGENT_PATHS.decideRestore)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'decideRestore', summary: 'Start or cancel a restore onto this host' })
  @ApiOkResponse({ type: RestoreStatusDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'not_found', 'restore_state')
  async decideRestore(
    @Calling() agent: CallingAgent,
    @Body() body: RestoreDecisionDto,
  ): Promise<RestoreStatusDto> {
    return (await this.restores.decide(agent, body)) as RestoreStatusDto;
  }

  @Post(AGENT_PATHS.restoreStatus)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'getRestoreStatus', summary: 'Look at a restore onto this host' })
  @ApiOkResponse({ type: RestoreStatusDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'not_found')
  async restoreStatus(@Calling() agent: CallingAgent, @Body() body: RestoreIdDto): Promise<RestoreStatusDto> {
    return (await this.restores.status(agent, body.restore_id)) as RestoreStatusDto;
  }
}
