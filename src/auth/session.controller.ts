import { Body, Controller, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../config/config.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { Caller, Public, Scopes } from './access.decorators.js';
import { ApiKeys } from './api-keys.service.js';
import type { AuditOrigin } from './audit-log.service.js';
import { Origin } from './audit-origin.decorator.js';
import { crossSiteRequest } from './auth-errors.js';
import { apiKeyJson, userJson } from './auth-json.js';
import type { Principal } from './principal.js';
import { isFromOtherSite } from './same-origin.js';
import { endedSessionCookie, sessionCookie } from './session-cookie.js';
import { MeDto, NewSessionDto } from './session.dto.js';
import { Sessions } from './sessions.service.js';
import { Users } from './users.service.js';

const SESSION = '/api/v1/session';

@ApiTags('Users')
@Controller()
export class SessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly users: Users,
    private readonly keys: ApiKeys,
    private readonly config: Config,
  ) {}

  @Get('/api/v1/me')
  @Scopes('user', 'agent')
  @ApiOperation({ operationId: 'getMe', summary: 'Show who is calling, and with which key' })
  async me(@Caller() caller: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<MeDto> {
    const [user, key] = await Promise.all([
      this.users.get(caller.userId),
      this.keys.get(caller, caller.apiKeyId),
    ]);
    void reply.header('cache-control', 'no-store');
    return { user: userJson(user), api_key: apiKeyJson(key) };
  }

  /**
   * For browsers: sets a cookie that is good for twelve hours and out of reach of scripts. Changes that are made with
   * it must come from pages of this server.
   */
  @Post(SESSION)
  @HttpCode(204)
  @Public()
  @ApiOperation({ operationId: 'openSession', summary: 'Sign a browser in' })
  @ApiNoContentResponse({
    description: 'Signed in.',
    headers: { 'Set-Cookie': { schema: { type: 'string' }, description: 'The session.' } },
  })
  @ApiProblems('unauthenticated', 'key_expired', 'forbidden', 'cross_site_request')
  async open(
    @Origin() origin: AuditOrigin,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { api_key }: NewSessionDto,
  ): Promise<void> {
    // Nobody else's page may sign a browser in, as a user whom that page's owner can watch.
    if (isFromOtherSite(request.headers, this.config.env.PUBLIC_URL)) throw crossSiteRequest();
    const key = await this.sessions.open(origin, api_key);
    void reply
      .header('set-cookie', sessionCookie(key, this.config.publicUrl()))
      .header('cache-control', 'no-store');
  }

  /** Ends the session of the cookie; a caller with an API key has none to end. */
  @Delete(SESSION)
  @HttpCode(204)
  @Scopes('user', 'agent')
  @ApiOperation({ operationId: 'closeSession', summary: 'Sign the browser out' })
  async close(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.sessions.close(caller, origin);
    void reply.header('set-cookie', endedSessionCookie(this.config.publicUrl()));
  }
}
