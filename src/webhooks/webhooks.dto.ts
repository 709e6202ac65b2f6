import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  IsUUID,
  MaxLength,
  ValidateIf,
} from 'class-validator';
import { Page, PageQuery } from '../rest/page.dto.js';
import { CHOSEN_EVENT_TYPES, type ChosenEventType } from './event-types.js';
import { DELIVERY_STATES, type DeliveryState } from './webhook-delivery.entity.js';

const MAX_URL_CHARS = 2_000;

const id = { format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' } as const;
const url = {
  format: 'uri',
  maxLength: MAX_URL_CHARS,
  example: 'https://example.org/hooks/stowage',
} as const;
const eventTypes = { enum: CHOSEN_EVENT_TYPES, isArray: true, example: ['snapshot.failed', 'agent.offline'] };
const moment = { format: 'date-time', example: '2026-11-22T06:52:06.123Z' } as const;
const momentOrNull = { type: String, nullable: true, ...moment } as const;

/** Where events are sent, without the secret. */
export class WebhookDto {
  @ApiProperty(id)
  id: string;

  @ApiProperty(url)
  url: string;

  /** Those that are sent; empty: all of them. */
  @ApiProperty(eventTypes)
  event_types: ChosenEventType[];

  /** Whether anything is sent. */
  @ApiProperty({ example: true })
  enabled: boolean;

  /** Why Stowage disabled it; null when you did, or while it is enabled. */
  @ApiProperty({ type: String, nullable: true, example: null })
  disabled_reason: string | null;

  /** Until then messages carry a signature by the secret before the newest, too; null: they do not. */
  @ApiProperty({ ...momentOrNull, example: null })
  previous_secret_until: string | null;

  @ApiProperty(moment)
  created_at: string;
}

export class WebhookWithSecretDto extends WebhookDto {
  /** What messages are signed with. It is shown this once and cannot be shown again. */
  @ApiProperty({ example: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' })
  secret: string;
}

export class WebhookPageDto extends Page {
  @ApiProperty({ type: [WebhookDto] })
  data: WebhookDto[];
}

export class WebhookIdParams {
  @ApiProperty({ format: 'uuid' })
  @IsUUID()
  id: string;
}

export class NewWebhookDto {
  /** https on port 443 of a public address; anything else must be allowed by the operator. */
  @ApiProperty(url)
  @IsString()
  @MaxLength(MAX_URL_CHARS)
  url: string;

  /** What to hear of. Empty or left out: everything. */
  @ApiProperty({ ...eventTypes, required: false, default: [] })
  @IsArray()
  @ArrayUnique()
  @ArrayMaxSize(CHOSEN_EVENT_TYPES.length)
  @IsIn(CHOSEN_EVENT_TYPES, { each: true })
  event_types: ChosenEventType[] = [];

  @ApiProperty({ required: false, default: true })
  @IsBoolean()
  enabled: boolean = true;
}

/** An omitted field keeps its value; null is no value. */
const IfGiven = () => ValidateIf((_, value) => value !== undefined);

/** What is left out stays as it is. */
export class ChangeWebhookDto {
  @ApiProperty({ ...url, required: false })
  @IfGiven()
  @IsString()
  @MaxLength(MAX_URL_CHARS)
  url?: string;

  /** What to hear of. Empty: everything. */
  @ApiProperty({ ...eventTypes, required: false })
  @IfGiven()
  @IsArray()
  @ArrayUnique()
  @ArrayMaxSize(CHOSEN_EVENT_TYPES.length)
  @IsIn(CHOSEN_EVENT_TYPES, { each: true })
  event_types?: ChosenEventType[];

  @ApiProperty({ required: false, example: true })
  @IfGiven()
  @IsBoolean()
  enabled?: boolean;
}

/** One event on its way to one webhook. */
export class WebhookDeliveryDto {
  @ApiProperty(id)
  id: string;

  @ApiProperty(id)
  webhook_id: string;

  /** The header `webhook-id`: the same in every attempt, and when it is sent again. */
  @ApiProperty({ example: 'msg_0198c1f26f0e4b7e9f430d8f6a1d9a10' })
  message_id: string;

  @ApiProperty({ example: 'snapshot.failed' })
  event_type: string;

  /** `pending`: an attempt follows. */
  @ApiProperty({ enum: DELIVERY_STATES, example: 'delivered' })
  state: DeliveryState;

  /** Made since the event, or since it was last sent again by hand. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 1 })
  attempts: number;

  /** What the receiver answered to the last attempt; null: nothing, or there was none. */
  @ApiProperty({ type: 'integer', nullable: true, example: 204 })
  last_status: number | null;

  /** Why the last attempt failed, or none was made. */
  @ApiProperty({ type: String, nullable: true, example: null })
  last_error: string | null;

  @ApiProperty(momentOrNull)
  last_attempt_at: string | null;

  /** Null: none follows. */
  @ApiProperty({ ...momentOrNull, example: null })
  next_attempt_at: string | null;

  /** The message itself, as it is signed and sent. */
  @ApiProperty({
    example:
      '{"type":"webhook.test","timestamp":"2026-11-22T06:52:06.123Z","data":{"webhook_id":"0198c1f2-…"}}',
  })
  body: string;

  @ApiProperty(moment)
  created_at: string;
}

export class WebhookDeliveryPageDto extends Page {
  @ApiProperty({ type: [WebhookDeliveryDto] })
  data: WebhookDeliveryDto[];
}

export class WebhookDeliveryQuery extends PageQuery {
  /** Only those in this state. */
  @ApiProperty({ enum: DELIVERY_STATES, required: false })
  @IsOptional()
  @IsIn(DELIVERY_STATES)
  state?: DeliveryState;
}

export class WebhookDeliveryParams extends WebhookIdParams {
  @ApiProperty({ format: 'uuid' })
  @IsUUID()
  delivery_id: string;
}
