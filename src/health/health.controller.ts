import { Controller, Get, Header, Res, ServiceUnavailableException } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth/access.decorators.js';
import { NoRateLimit } from '../rest/route-options.decorators.js';
import { DependencyHealth, Health } from './health.dto.js';
import { ReadinessChecks } from './readiness-checks.service.js';

/** For the supervisor that restarts this process and the balancer that sends it requests. */
@ApiTags('Health')
@ApiExtraModels(DependencyHealth)
@Public()
@NoRateLimit()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly checks: ReadinessChecks,
  ) {}

  /** The process runs and answers; nothing else is looked at, so that a database outage restarts nobody. */
  @ApiOperation({ operationId: 'getLiveness', summary: 'Is the process alive?' })
  @ApiOkResponse({ type: Health })
  @Header('Cache-Control', 'no-store')
  @Get('live')
  live(): Health {
    return { status: 'ok', details: {} };
  }

  /** Requests can be served: the database answers, the master key fits, and the process is not stopping. */
  @ApiOperation({ operationId: 'getReadiness', summary: 'Can requests be served?' })
  @ApiOkResponse({ type: Health })
  @ApiServiceUnavailableResponse({ type: Health, description: 'Not now; `details` tells why.' })
  @Header('Cache-Control', 'no-store')
  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    const result = await this.health.check(this.checks.all()).catch((error: unknown) => {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      void reply.code(503);
      return error.getResponse() as Health;
    });
    return { status: result.status, details: result.details as Health['details'] };
  }
}
