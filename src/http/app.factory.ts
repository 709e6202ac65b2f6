import cors from '@fastify/cors';
import { type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Config } from '../config/config.js';
import type { Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { StructuredLogger } from '../telemetry/structured-logger.service.js';
import { recordRoutes } from './allowed-methods.js';
import { installAnswerHeaders } from './answer-headers.js';
import { answerBadPath, answerBrokenRequest } from './broken-requests.js';
import { corsOptions, installSecurityHeaders } from './browser-policies.js';
import { installBodyParsers } from './body-parsers.js';
import { Drain } from './drain.js';
import { fastifyOptions, JSON_LIMITS } from './http-options.js';
import { installEarlyAnswers } from './early-answers.js';
import { IdempotencyRuns } from './idempotency/idempotency-runs.service.js';
import { ApiDocument } from './openapi/api-docs.controller.js';
import { describeApi, printDocument } from './openapi/api-document.js';
import { serveSwaggerAssets } from './openapi/swagger-assets.js';
import { ProblemFilter } from './problem.filter.js';
import { RateLimiter } from './rate-limits/rate-limiter.js';
import { refuseNul } from './plain-input.js';
import { installRequestLog } from './request-log.js';

export interface ServedApp {
  readonly app: NestFastifyApplication;
  readonly drain: Drain;
}

/** Everything between the socket and the controllers of `module`; it does not listen yet. */
export async function createApp(module: DynamicModule, config: Config, log: Log): Promise<ServedApp> {
  const adapter = new FastifyAdapter({
    ...fastifyOptions(config.env.TRUSTED_PROXIES, log),
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerBadPath,
    // No Express-style middleware is used, so none of its cost is paid.
    skipMiddie: true,
  });
  const fastify = adapter.getInstance();
  const routes = recordRoutes(fastify);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    logger: new StructuredLogger(log),
    abortOnError: false,
    forceCloseConnections: false,
  });
  const drain = new Drain(fastify);
  installRequestLog(fastify, log, app.get(Metrics));
  await installSecurityHeaders(fastify);
  installAnswerHeaders(fastify);
  fastify.addHook('onRequest', refuseNul);
  if (config.env.CORS_ORIGINS.length > 0) await fastify.register(cors, corsOptions(config.env.CORS_ORIGINS));
  installBodyParsers(fastify, JSON_LIMITS);
  installEarlyAnswers(fastify);
  app.get(IdempotencyRuns).install(fastify);
  app.useGlobalFilters(new ProblemFilter(log, app.get(RateLimiter), routes));
  app.get(ApiDocument).describedBy(() => printDocument(describeApi(app)));
  await serveSwaggerAssets(fastify);
  return { app, drain };
}
