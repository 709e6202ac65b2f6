import { Body, Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiExcludeEndpoint, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../config/config.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { Public } from './access.decorators.js';
import type { AuditOrigin } from './audit-log.service.js';
import { Origin } from './audit-origin.decorator.js';
import { crossSiteRequest } from './auth-errors.js';
import { userJson } from './auth-json.js';
import { isFromOtherSite } from './same-origin.js';
import { sessionCookie } from './session-cookie.js';
import { SetupLinks } from './setup-links.service.js';
import { setupPage } from './setup-page.js';
import { SetupDto, SetupResultDto } from './setup.dto.js';

@ApiTags('Setup')
@Public()
@Controller()
export class SetupController {
  constructor(
    private readonly links: SetupLinks,
    private readonly config: Config,
  ) {}

  /** Looking at the page does not use the link up: chat programs look at links, too. */
  @Get('/setup/:token')
  @ApiExcludeEndpoint()
  async page(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    const page = setupPage({ isUsable: await this.links.isUsable(token) });
    await reply.code(page.status).headers(page.headers).send(page.html);
  }

  /** Makes the first administrator with the one-time link that the server printed; also signs the browser in. */
  @Post('/api/v1/setup')
  @ApiOperation({ operationId: 'completeSetup', summary: 'Make the first administrator' })
  @ApiCreatedResponse({
    type: SetupResultDto,
    headers: { 'Set-Cookie': { schema: { type: 'string' }, description: 'The session.' } },
  })
  @ApiProblems('setup_link_invalid', 'cross_site_request')
  async complete(
    @Origin() origin: AuditOrigin,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { token, name }: SetupDto,
  ): Promise<SetupResultDto> {
    if (isFromOtherSite(request.headers, this.config.env.PUBLIC_URL)) throw crossSiteRequest();
    const { user, apiKey, sessionKey } = await this.links.use(origin, token, name);
    void reply
      .header('set-cookie', sessionCookie(sessionKey, this.config.publicUrl()))
      .header('cache-control', 'no-store');
    return { user: userJson(user), api_key: apiKey };
  }
}
