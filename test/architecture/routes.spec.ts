import { beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule } from '../../src/app.module.js';
import { SCOPES } from '../../src/auth/principal.js';
import { Environment } from '../../src/config/environment.js';
import { type RouteEntry, routeInventory } from '../../src/http/openapi/route-inventory.js';

/** Everything that answers without a key. A new line here is a decision, not a convenience. */
const PUBLIC = [
  // The URL carries a signature over method, bucket, object and expiry.
  'get /api/v1/local-objects/*',
  'put /api/v1/local-objects/*',
  // The path carries the token of a share.
  'get /s/{token}',
  // The path or the body carries the one-time token.
  'get /setup/{token}',
  'post /api/v1/setup',
  // The body carries the key that is exchanged for a cookie.
  'post /api/v1/session',
  // The body carries the one-time enrolment token.
  'post /api/v1/agent/enrolments',
  // Nothing of anybody's.
  'get /api/docs',
  'get /api/docs/start.js',
  'get /api/openapi.json',
  'get /docs/errors',
  'get /health/live',
  'get /health/ready',
];

describe('routes', () => {
  let app: INestApplication;
  let routes: RouteEntry[];

  beforeAll(async () => {
    // Preview: all modules are read, nothing is started.
    app = await NestFactory.create(AppModule.with(new Environment()), new FastifyAdapter(), {
      preview: true,
      logger: false,
      abortOnError: false,
    });
    routes = routeInventory(app);
  });

  it('are found at all', () => {
    expect(routes.length).toBeGreaterThan(PUBLIC.length);
  });

  it('each declare who may call them', () => {
    expect(routes.filter(({ access }) => access === undefined).map(({ handler }) => handler)).toEqual([]);
  });

  it('name at least one scope, and only scopes that exist', () => {
    const wrong = routes.filter(
      ({ access }) =>
        access !== undefined &&
        'scopes' in access &&
        (access.scopes.length === 0 || access.scopes.some((scope) => !SCOPES.includes(scope))),
    );
    expect(wrong).toEqual([]);
  });

  it('are public only where this list says so', () => {
    const open = routes.filter(({ access }) => access !== undefined && 'public' in access);
    expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(PUBLIC.toSorted());
  });

  it('are each served by one handler', () => {
    const names = routes.map(({ method, path }) => `${method} ${path}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
