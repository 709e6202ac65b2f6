import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { notFound } from '../errors/request-errors.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { nextLink } from '../rest/page.dto.js';
import { Caller, Scopes } from './access.decorators.js';
import {
  ApiKeyDto,
  ApiKeyIdParams,
  ApiKeyPageDto,
  ApiKeyQuery,
  CreatedApiKeyDto,
  NewApiKeyDto,
} from './api-keys.dto.js';
import { ApiKeys } from './api-keys.service.js';
import type { AuditOrigin } from './audit-log.service.js';
import { Origin } from './audit-origin.decorator.js';
import { apiKeyJson } from './auth-json.js';
import { grants, type Principal } from './principal.js';

const PATH = '/api/v1/api-keys';

@ApiTags('API keys')
@Scopes('user')
@Controller()
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys) {}

  /** The answer holds the key: it is shown this once. */
  @Post(PATH)
  @ApiOperation({ operationId: 'createApiKey', summary: 'Make an API key' })
  @ApiCreatedResponse({
    type: CreatedApiKeyDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The key, without its secret.' } },
  })
  @ApiProblems('not_found')
  async create(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: NewApiKeyDto,
  ): Promise<CreatedApiKeyDto> {
    const { name, kind, user_id: userId = caller.userId } = body;
    const expiresAt = body.expires_at == null ? undefined : new Date(body.expires_at);
    const { key, row } = await this.keys.create(caller, origin, { userId, kind, name, expiresAt });
    void reply.header('location', `${PATH}/${row.id}`).header('cache-control', 'no-store');
    return { ...apiKeyJson(row), key };
  }

  /** The newest first, sessions of browsers, revoked and expired ones included. */
  @Get(PATH)
  @ApiOperation({ operationId: 'listApiKeys', summary: 'List API keys' })
  @ApiProblems('not_found')
  async list(
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() { limit, cursor, user_id: userId = caller.userId }: ApiKeyQuery,
  ): Promise<ApiKeyPageDto> {
    if (userId !== caller.userId && !grants(caller, ['admin'])) throw notFound('user');
    const position = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'uuid' });
    const found = await this.keys.list(userId, { afterId: position?.id, limit: limit + 1 });
    const { shown, nextCursor } = cutPage(found, limit, ({ id }) => ({ id }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(apiKeyJson), next_cursor: nextCursor };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getApiKey', summary: 'Show an API key' })
  @ApiProblems('not_found')
  async get(@Caller() caller: Principal, @Param() { id }: ApiKeyIdParams): Promise<ApiKeyDto> {
    return apiKeyJson(await this.keys.get(caller, id));
  }

  /** From now on it is refused, together with the sessions that were opened with it. */
  @Delete(`${PATH}/:id`)
  @HttpCode(204)
  @ApiOperation({ operationId: 'revokeApiKey', summary: 'Revoke an API key' })
  @ApiProblems('not_found')
  async revoke(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: ApiKeyIdParams,
  ): Promise<void> {
    await this.keys.revoke(caller, origin, id);
  }
}

interface Position {
  readonly id: string;
}
