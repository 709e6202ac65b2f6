import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../../config/version.js';
import { FieldProblem, Problem, ProviderProblem } from '../../rest/problem.dto.js';
import { finishDocument } from './finish-document.js';
import { routeInventory } from './route-inventory.js';
import { describeEvents, EVENT_MODELS } from './webhook-events.js';

const DESCRIPTION = `Bring-your-own-bucket storage: sealed credentials, a connection test that proves the real work, and
files in the user's own bucket.

- **Errors** are RFC 9457 problem details with a stable \`code\`; [/docs/errors](/docs/errors) explains each.
- **Listings** take \`limit\` and \`cursor\`, and answer \`next_cursor\` and a \`Link\` header.
- **Changes** take an \`Idempotency-Key\`, so that every retry is safe.
- **Settings** carry an \`ETag\` and honour \`If-Match\`.
- **Events** are told to your URLs as signed messages: see Webhooks.
- **Rate limits** are told in \`RateLimit\` and \`RateLimit-Policy\`, and in \`Retry-After\` when they are reached.`;

/** The OpenAPI 3.1 document of the routes that this application really has. */
export function describeApi(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.1')
    .setTitle('Stowage')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This server')
    .addSecurity('apiKey', { type: 'http', scheme: 'bearer', description: 'An API key, `stw_…`.' })
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    extraModels: [Problem, FieldProblem, ProviderProblem, ...EVENT_MODELS],
    autoTagControllers: false,
  });
  return finishDocument({ ...document, webhooks: describeEvents() }, routeInventory(app));
}

/** As it is committed: two blanks, one newline at the end. */
export function printDocument(document: OpenAPIObject): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
