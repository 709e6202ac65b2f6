import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { Clock } from '../../config/clock.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { decodeCursor } from '../../rest/cursor.js';
import { cutPage } from '../../rest/cut-page.js';
import { nextLink } from '../../rest/page.dto.js';
import { FILE_ID, fileIdOf } from '../file-id.js';
import { OwnUrl } from '../own-url.js';
import { presentationOf } from '../presentation.dto.js';
import { shareEnd } from './share-end.js';
import { shareJson } from './share-json.js';
import {
  CreatedShareDto,
  CreateShare,
  ListSharesQuery,
  ShareDto,
  ShareIdParams,
  SharePageDto,
} from './shares.dto.js';
import { type NewShare, Shares } from './shares.service.js';

const PATH = '/api/v1/shares';

@ApiTags('Shares')
@Scopes('user')
@Controller()
export class SharesController {
  constructor(
    private readonly shares: Shares,
    private readonly clock: Clock,
    private readonly ownUrl: OwnUrl,
  ) {}

  /**
   * Whoever has the link of the answer can download the file's present content, without an API key, until the share ends or
   * is revoked. The link is shown this once.
   */
  @Post('/api/v1/files/:id/shares')
  @ApiOperation({ operationId: 'createShare', summary: 'Share a file by a link' })
  @ApiParam(FILE_ID)
  @ApiCreatedResponse({
    type: CreatedShareDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The share, without its link.' } },
  })
  @ApiProblems('validation_failed', 'not_found', 'invalid_filename')
  async create(
    @Caller() { userId }: Principal,
    @Param('id') id: string,
    @Body() body: CreateShare,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreatedShareDto> {
    const nowMs = this.clock.now();
    const { share, token } = await this.shares.create([userId, fileIdOf(id)], wantedOf(body, nowMs), origin);
    void reply.header('location', `${PATH}/${share.id}`).header('cache-control', 'no-store');
    return { ...shareJson(share, nowMs), url: this.ownUrl.of(`/s/${token}`) };
  }

  /** The newest first, those that have ended within the last 30 days included. */
  @Get(PATH)
  @ApiOperation({ operationId: 'listShares', summary: 'List your shares' })
  @ApiProblems('validation_failed')
  async list(
    @Req() request: AuthenticatedRequest,
    @Query() { limit, cursor, file_id: fileId }: ListSharesQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SharePageDto> {
    const position = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'integer' });
    const { userId } = request.principal;
    const found = await this.shares.list(userId, { fileId, beforeId: position?.id, limit: limit + 1 });
    const { shown, nextCursor } = cutPage(found, limit, ({ id }) => ({ id }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    const nowMs = this.clock.now();
    return { data: shown.map((share) => shareJson(share, nowMs)), next_cursor: nextCursor };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getShare', summary: 'Look at a share' })
  @ApiProblems('validation_failed', 'not_found')
  async get(@Caller() { userId }: Principal, @Param() { id }: ShareIdParams): Promise<ShareDto> {
    return shareJson(await this.shares.get(userId, id), this.clock.now());
  }

  /** From now on its link opens nothing; a download under way is sent to its end. Repeating it changes nothing. */
  @Delete(`${PATH}/:id`)
  @HttpCode(204)
  @ApiOperation({ operationId: 'revokeShare', summary: 'Revoke a share' })
  @ApiNoContentResponse({ description: 'It is revoked.' })
  @ApiProblems('validation_failed', 'not_found')
  async revoke(
    @Caller() { userId }: Principal,
    @Param() { id }: ShareIdParams,
    @Origin() origin: AuditOrigin,
  ): Promise<void> {
    await this.shares.revoke(userId, id, origin);
  }
}

interface Position {
  readonly id: number;
}

/** @throws RequestError `validation_failed`, FilesError `invalid_filename` */
function wantedOf(body: CreateShare, nowMs: number): NewShare {
  const { disposition = 'attachment', filename = null } = presentationOf(body);
  return {
    expiresAt: shareEnd(body, nowMs),
    maxDownloads: body.max_downloads ?? null,
    label: body.label ?? null,
    disposition,
    filename,
  };
}
