import { Body, Controller, Get, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { nextLink, PageQuery } from '../rest/page.dto.js';
import { Scopes } from './access.decorators.js';
import type { AuditOrigin } from './audit-log.service.js';
import { Origin } from './audit-origin.decorator.js';
import { userJson } from './auth-json.js';
import { ChangeUserDto, NewUserDto, UserDto, UserIdParams, UserPageDto } from './users.dto.js';
import { Users } from './users.service.js';

const PATH = '/api/v1/users';

@ApiTags('Users')
@Scopes('admin')
@Controller()
export class UsersController {
  constructor(private readonly users: Users) {}

  /** The new user has no API key yet: make one with `POST /api/v1/api-keys`. */
  @Post(PATH)
  @ApiOperation({ operationId: 'createUser', summary: 'Add a user' })
  @ApiCreatedResponse({
    type: UserDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The user.' } },
  })
  async create(
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { name }: NewUserDto,
  ): Promise<UserDto> {
    const user = await this.users.create(origin, name);
    void reply.header('location', `${PATH}/${user.id}`);
    return userJson(user);
  }

  /** In the order in which they were added. */
  @Get(PATH)
  @ApiOperation({ operationId: 'listUsers', summary: 'List users' })
  async list(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<UserPageDto> {
    const position = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'integer' });
    const found = await this.users.list({ afterId: position?.id, limit: limit + 1 });
    const { shown, nextCursor } = cutPage(found, limit, ({ id }) => ({ id }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(userJson), next_cursor: nextCursor };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getUser', summary: 'Show a user' })
  @ApiProblems('not_found')
  async get(@Param() { id }: UserIdParams): Promise<UserDto> {
    return userJson(await this.users.get(id));
  }

  /**
   * Renames a user, limits how much it may store, or disables it: the keys of a disabled user are refused until it is
   * enabled again. A quota counts within some seconds.
   */
  @Patch(`${PATH}/:id`)
  @ApiOperation({ operationId: 'changeUser', summary: 'Rename, limit, disable or enable a user' })
  @ApiProblems('not_found', 'last_admin')
  async change(
    @Origin() origin: AuditOrigin,
    @Param() { id }: UserIdParams,
    @Body() changes: ChangeUserDto,
  ): Promise<UserDto> {
    return userJson(await this.users.change(origin, id, changes));
  }
}

interface Position {
  readonly id: number;
}
