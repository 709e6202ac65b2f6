import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, Scopes } from '../auth/access.decorators.js';
import { grants, type Principal } from '../auth/principal.js';
import { notFound } from '../errors/request-errors.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import { comparisonJson, usageDayJson, usageJson } from './usage-json.js';
import { UsageReport } from './usage-report.service.js';
import { UsageComparisonDto, UsageDaysDto, UsageDto, UsageQuery } from './usage.dto.js';

@ApiTags('Usage')
@Scopes('user')
@Controller()
export class UsageController {
  constructor(
    private readonly report: UsageReport,
    private readonly registry: ProviderRegistry,
  ) {}

  /**
   * For each bucket what it holds, the requests and bytes of the period, and what a month like that costs by list prices.
   * Requests show some seconds after they were made. Unfinished uploads, and what other programs do with the bucket, are
   * not in it.
   */
  @Get('/api/v1/usage')
  @ApiOperation({ operationId: 'getUsage', summary: 'Show what your buckets hold and cost' })
  @ApiProblems('validation_failed', 'not_found')
  async show(@Caller() caller: Principal, @Query() query: UsageQuery): Promise<UsageDto> {
    return usageJson(await this.report.facts(userOf(caller, query), query));
  }

  @Get('/api/v1/usage/days')
  @ApiOperation({ operationId: 'listUsageDays', summary: 'List requests and bytes by day' })
  @ApiProblems('validation_failed', 'not_found')
  async days(@Caller() caller: Principal, @Query() query: UsageQuery): Promise<UsageDaysDto> {
    const days = await this.report.days(userOf(caller, query), query);
    return { data: days.map(usageDayJson) };
  }

  /** By list prices and what operators have entered; free allowances and minimum charges are told, but not reckoned. */
  @Get('/api/v1/usage/comparison')
  @ApiOperation({ operationId: 'compareProviders', summary: 'Compare what your usage costs elsewhere' })
  @ApiProblems('validation_failed', 'not_found')
  async comparison(@Caller() caller: Principal, @Query() query: UsageQuery): Promise<UsageComparisonDto> {
    return comparisonJson(await this.report.facts(userOf(caller, query), query), this.registry);
  }
}

/** @throws RequestError `not_found` for another user's, as for an unknown one */
function userOf(caller: Principal, { user_id: wanted }: UsageQuery): number {
  if (wanted === undefined || wanted === caller.userId) return caller.userId;
  if (!grants(caller, ['admin'])) throw notFound('user');
  return wanted;
}
