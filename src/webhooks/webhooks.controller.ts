import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { etagOf } from '../rest/etag.js';
import { nextLink, PageQuery } from '../rest/page.dto.js';
import { RegisteredWebhooks } from './registered-webhooks.service.js';
import { webhookJson, webhookWithSecretJson } from './webhook-json.js';
import type { Webhook } from './webhook.entity.js';
import {
  ChangeWebhookDto,
  NewWebhookDto,
  WebhookDto,
  WebhookIdParams,
  WebhookPageDto,
  WebhookWithSecretDto,
} from './webhooks.dto.js';

const PATH = '/api/v1/webhooks';

@ApiTags('Webhooks')
@Scopes('user')
@Controller()
export class WebhooksController {
  constructor(private readonly webhooks: RegisteredWebhooks) {}

  /** Messages follow Standard Webhooks 1.0. The answer holds the secret that signs them: it is shown this once. */
  @Post(PATH)
  @ApiOperation({ operationId: 'createWebhook', summary: 'Send events to a URL' })
  @ApiCreatedResponse({
    type: WebhookWithSecretDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The webhook, without its secret.' } },
  })
  @ApiProblems('too_many_webhooks', 'sealed')
  async create(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { url, event_types: eventTypes, enabled }: NewWebhookDto,
  ): Promise<WebhookWithSecretDto> {
    const created = await this.webhooks.create({ userId, origin }, { url, eventTypes, enabled });
    void reply.header('location', `${PATH}/${created.webhook.id}`).header('cache-control', 'no-store');
    tag(reply, created.webhook);
    return webhookWithSecretJson(created);
  }

  /** The oldest first. */
  @Get(PATH)
  @ApiOperation({ operationId: 'listWebhooks', summary: 'List webhooks' })
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<WebhookPageDto> {
    const position = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'uuid' });
    const found = await this.webhooks.list(userId, { afterId: position?.id, limit: limit + 1 });
    const { shown, nextCursor } = cutPage(found, limit, ({ id }) => ({ id }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(webhookJson), next_cursor: nextCursor };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getWebhook', summary: 'Show a webhook' })
  @ApiProblems('not_found')
  async get(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WebhookIdParams,
  ): Promise<WebhookDto> {
    return webhookJson(tag(reply, await this.webhooks.get(userId, id)));
  }

  /** Omitted fields stay as they are. Deliveries that wait go to the new URL. */
  @Patch(`${PATH}/:id`)
  @ApiOperation({ operationId: 'changeWebhook', summary: 'Change, disable or enable a webhook' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Change it only in the state with this ETag.',
  })
  @ApiProblems('not_found', 'precondition_failed')
  async change(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WebhookIdParams,
    @Body() { url, event_types: eventTypes, enabled }: ChangeWebhookDto,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<WebhookDto> {
    const change = { url, eventTypes, enabled };
    return webhookJson(tag(reply, await this.webhooks.change({ userId, origin }, id, change, ifMatch)));
  }

  /** With its delivery log. What still waits is not sent. */
  @Delete(`${PATH}/:id`)
  @HttpCode(204)
  @ApiOperation({ operationId: 'deleteWebhook', summary: 'Delete a webhook' })
  @ApiProblems('not_found')
  async remove(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: WebhookIdParams,
  ): Promise<void> {
    await this.webhooks.remove({ userId, origin }, id);
  }

  /**
   * The answer holds the new secret: it is shown this once. For 24 hours messages carry two signatures, so that the
   * receiver can change to it without losing any.
   */
  @Post(`${PATH}/:id/rotate-secret`)
  @HttpCode(200)
  @ApiOperation({ operationId: 'rotateWebhookSecret', summary: 'Give a webhook a new secret' })
  @ApiOkResponse({ type: WebhookWithSecretDto })
  @ApiProblems('not_found', 'sealed')
  async rotateSecret(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WebhookIdParams,
  ): Promise<WebhookWithSecretDto> {
    const rotated = await this.webhooks.rotateSecret({ userId, origin }, id);
    tag(reply, rotated.webhook);
    void reply.header('cache-control', 'no-store');
    return webhookWithSecretJson(rotated);
  }
}

function tag(reply: FastifyReply, webhook: Webhook): Webhook {
  void reply.header('etag', etagOf(webhook.version));
  return webhook;
}

interface Position {
  readonly id: string;
}
