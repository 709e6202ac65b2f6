import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { nextLink } from '../rest/page.dto.js';
import { WebhookDeliveries } from './webhook-deliveries.service.js';
import type { WebhookDelivery } from './webhook-delivery.entity.js';
import { deliveryJson } from './webhook-json.js';
import {
  WebhookDeliveryDto,
  WebhookDeliveryPageDto,
  WebhookDeliveryParams,
  WebhookDeliveryQuery,
  WebhookIdParams,
} from './webhooks.dto.js';

const PATH = '/api/v1/webhooks/:id';
const ACCEPTED = {
  type: WebhookDeliveryDto,
  headers: { Location: { schema: { type: 'string' as const }, description: 'The delivery: how it went.' } },
};

@ApiTags('Webhooks')
@Scopes('user')
@Controller()
export class WebhookDeliveriesController {
  constructor(private readonly deliveries: WebhookDeliveries) {}

  /** Sends one `webhook.test`, once: what the receiver answers is in the delivery a moment later. */
  @Post(`${PATH}/test`)
  @HttpCode(202)
  @ApiOperation({ operationId: 'testWebhook', summary: 'Send a test event' })
  @ApiAcceptedResponse(ACCEPTED)
  @ApiProblems('not_found', 'webhook_disabled')
  async test(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WebhookIdParams,
  ): Promise<WebhookDeliveryDto> {
    return accepted(reply, await this.deliveries.test(userId, id));
  }

  /** The newest first. Deliveries that ended are kept for 30 days. */
  @Get(`${PATH}/deliveries`)
  @ApiOperation({ operationId: 'listWebhookDeliveries', summary: 'List the deliveries of a webhook' })
  @ApiProblems('not_found')
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WebhookIdParams,
    @Query() { limit, cursor, state }: WebhookDeliveryQuery,
  ): Promise<WebhookDeliveryPageDto> {
    const afterId = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'uuid' }).id;
    const found = await this.deliveries.list(userId, id, { afterId, state, limit: limit + 1 });
    const { shown, nextCursor } = cutPage(found, limit, ({ id }) => ({ id }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(deliveryJson), next_cursor: nextCursor };
  }

  @Get(`${PATH}/deliveries/:delivery_id`)
  @ApiOperation({ operationId: 'getWebhookDelivery', summary: 'Show a delivery' })
  @ApiProblems('not_found')
  async get(
    @Caller() { userId }: Principal,
    @Param() { id, delivery_id: deliveryId }: WebhookDeliveryParams,
  ): Promise<WebhookDeliveryDto> {
    return deliveryJson(await this.deliveries.get(userId, id, deliveryId));
  }

  /** The same message under the same `webhook-id`, with all its attempts; one that waits for its next attempt is sent now. */
  @Post(`${PATH}/deliveries/:delivery_id/resend`)
  @HttpCode(202)
  @ApiOperation({ operationId: 'resendWebhookDelivery', summary: 'Send an event again' })
  @ApiAcceptedResponse(ACCEPTED)
  @ApiProblems('not_found', 'webhook_disabled')
  async resend(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id, delivery_id: deliveryId }: WebhookDeliveryParams,
  ): Promise<WebhookDeliveryDto> {
    return accepted(reply, await this.deliveries.resend(userId, id, deliveryId));
  }
}

function accepted(reply: FastifyReply, delivery: WebhookDelivery): WebhookDeliveryDto {
  const location = `/api/v1/webhooks/${delivery.webhookId}/deliveries/${delivery.id}`;
  void reply.header('location', location);
  return deliveryJson(delivery);
}

interface Position {
  readonly id: string;
}
