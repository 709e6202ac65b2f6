import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Public, Scopes } from '../auth/access.decorators.js';
import { NoRateLimit } from '../rest/route-options.decorators.js';
import { Metrics } from '../telemetry/metrics.js';

/** Prometheus text exposition format, version 0.0.4. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Metrics of this process for Prometheus. */
@ApiTags('Health')
@Scopes('admin')
@NoRateLimit()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @ApiOperation({ operationId: 'getMetrics', summary: 'Metrics in Prometheus text format' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string', example: 'stowage_build_info{version="0.1.0"} 1\n' } })
  @Header('Content-Type', CONTENT_TYPE)
  @Header('Cache-Control', 'no-store')
  @Get()
  read(): Promise<string> {
    return this.metrics.text();
  }
}

/** The same without a key, when METRICS_PUBLIC says so. */
@Public()
@Controller('metrics')
export class PublicMetricsController extends MetricsController {}
