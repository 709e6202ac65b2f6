import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../auth/access.decorators.js';
import { AnswerHeaders } from '../../rest/route-options.decorators.js';
import { ContentAnswers, ContentConditions } from '../content-answers.js';
import { SHARED_CACHE_CONTROL, SharedContent } from './shared-content.js';

/** On refusals, too. The path is a credential: no page and no index may tell it on. */
const LINK_HEADERS = {
  'cache-control': SHARED_CACHE_CONTROL,
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow, noarchive',
};

/** The public end of share links. Requests count against their address. */
@ApiTags('Shares')
@Public()
@Controller()
export class SharedContentController {
  constructor(private readonly content: SharedContent) {}

  /**
   * What a share link gives: the present content of its file, without an API key. A link that is unknown, revoked, over or
   * used up is answered like one whose file is in the trash or gone. `HEAD` tells the same headers and counts nothing.
   */
  @Get('/s/:token')
  @AnswerHeaders(LINK_HEADERS)
  @ApiOperation({ operationId: 'downloadShared', summary: 'Download a shared file' })
  @ApiParam({ name: 'token', schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' } })
  @ContentConditions()
  @ContentAnswers('share_not_found')
  send(
    @Param('token') token: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.content.send(token, { request, reply });
  }
}
