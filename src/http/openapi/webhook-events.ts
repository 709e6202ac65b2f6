import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { EVENTS, type EventType } from '../../webhooks/event-types.js';

type WebhookItems = NonNullable<OpenAPIObject['webhooks']>;

/** The classes that `describeEvents` refers to. */
export const EVENT_MODELS = [...new Set(Object.values(EVENTS).map(({ data }) => data))];

/** `webhooks` of the OpenAPI document: what Stowage sends to those who asked for it. */
export function describeEvents(): WebhookItems {
  const types = Object.keys(EVENTS) as EventType[];
  return Object.fromEntries(types.map((type) => [type, { post: describeEvent(type) }]));
}

function describeEvent(type: EventType): NonNullable<WebhookItems[string]['post']> {
  const { data, summary } = EVENTS[type];
  return {
    summary,
    tags: ['Webhooks'],
    parameters: HEADERS.map(([name, description]) => ({
      name,
      in: 'header',
      required: true,
      description,
      schema: { type: 'string' },
    })),
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['type', 'timestamp', 'data'],
            properties: {
              type: { type: 'string', enum: [type] },
              timestamp: { type: 'string', format: 'date-time', description: 'When it happened.' },
              data: { $ref: getSchemaPath(data) },
            },
          },
        },
      },
    },
    responses: {
      '2XX': { description: 'Taken. Anything else is tried again for about a day.' },
      '410': { description: 'Send nothing more: the webhook is disabled.' },
    },
  };
}

const HEADERS = [
  ['webhook-id', 'Names the message; the same when it is sent again.'],
  ['webhook-timestamp', 'When this attempt was made, in seconds since the epoch.'],
  [
    'webhook-signature',
    '`v1,` and the base64 of HMAC-SHA-256 over id, timestamp and body joined by dots; several, separated by blanks, after ' +
      'the secret was rotated.',
  ],
] as const;
