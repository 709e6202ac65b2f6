import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { nextLink, PageQuery } from '../rest/page.dto.js';
import { agentJson } from './agent-json.js';
import {
  AgentDto,
  AgentIdParams,
  AgentPageDto,
  AgentRemovalQuery,
  AgentTokenDto,
  EnrolmentTokenDto,
  NewEnrolmentTokenDto,
} from './agents.dto.js';
import { agentIsEmbedded } from './agents-error.js';
import { Agents } from './agents.service.js';
import { enrolCommands } from './enrol-commands.js';
import { EnrolmentTokens, type NewEnrolmentToken } from './enrolment-tokens.service.js';

const PATH = '/api/v1/agents';

@ApiTags('Agents')
@Scopes('user')
@Controller()
export class AgentsController {
  constructor(
    private readonly agents: Agents,
    private readonly tokens: EnrolmentTokens,
    private readonly config: Config,
    private readonly clock: Clock,
  ) {}

  /** The answer holds the token: it is shown this once, and lets one host become an agent. */
  @Post(`${PATH}/enrolment-tokens`)
  @ApiOperation({ operationId: 'createEnrolmentToken', summary: 'Let a host become an agent' })
  @ApiCreatedResponse({ type: EnrolmentTokenDto })
  @ApiProblems('agent_name_taken')
  async createToken(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { name, expires_in_seconds }: NewEnrolmentTokenDto,
  ): Promise<EnrolmentTokenDto> {
    void reply.header('cache-control', 'no-store');
    const wanted = { userId, agentName: name, validMs: expires_in_seconds * 1_000 };
    return this.issue(origin, request, wanted);
  }

  /**
   * For a host that has lost its key, or its successor: it becomes this agent, with the same workspaces. The key that
   * the agent had is refused from then on.
   */
  @Post(`${PATH}/:id/enrolment-tokens`)
  @ApiOperation({ operationId: 'createAgentToken', summary: 'Let a host become this agent' })
  @ApiCreatedResponse({ type: EnrolmentTokenDto })
  @ApiProblems('not_found', 'agent_is_embedded')
  async createAgentToken(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: AgentIdParams,
    @Body() { expires_in_seconds }: AgentTokenDto,
  ): Promise<EnrolmentTokenDto> {
    const agent = await this.agents.get(userId, id);
    if (agent.is_embedded) throw agentIsEmbedded();
    void reply.header('cache-control', 'no-store');
    const wanted = { userId, agentName: agent.name, agentId: id, validMs: expires_in_seconds * 1_000 };
    return this.issue(origin, request, wanted);
  }

  /** The newest first. The server’s own agent is everybody’s. */
  @Get(PATH)
  @ApiOperation({ operationId: 'listAgents', summary: 'List agents' })
  async list(
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<AgentPageDto> {
    const position = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'uuid' });
    const found = await this.agents.list(caller.userId, { afterId: position?.id, limit: limit + 1 });
    const { shown, nextCursor } = cutPage(found, limit, ({ id }) => ({ id }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map((agent) => agentJson(agent, this.clock.now())), next_cursor: nextCursor };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getAgent', summary: 'Show an agent' })
  @ApiProblems('not_found')
  async get(@Caller() caller: Principal, @Param() { id }: AgentIdParams): Promise<AgentDto> {
    return agentJson(await this.agents.get(caller.userId, id), this.clock.now());
  }

  /**
   * Its key is refused from now on. While it protects workspaces this is refused unless `force` is set: they keep their
   * snapshots and get no new ones until they are moved to another agent.
   */
  @Delete(`${PATH}/:id`)
  @HttpCode(204)
  @ApiOperation({ operationId: 'removeAgent', summary: 'Remove an agent' })
  @ApiProblems('not_found', 'agent_in_use', 'agent_is_embedded')
  async remove(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: AgentIdParams,
    @Query() { force }: AgentRemovalQuery,
  ): Promise<void> {
    await this.agents.remove(caller.userId, origin, id, force);
  }

  private async issue(
    origin: AuditOrigin,
    request: FastifyRequest,
    wanted: NewEnrolmentToken,
  ): Promise<EnrolmentTokenDto> {
    const { id, token, expiresAt } = await this.tokens.issue(origin, wanted);
    const serverUrl = this.config.env.PUBLIC_URL ?? `${request.protocol}://${request.host}`;
    return {
      id,
      token,
      name: wanted.agentName,
      expires_at: expiresAt.toISOString(),
      commands: enrolCommands(serverUrl, token),
    };
  }
}

interface Position {
  readonly id: string;
}
