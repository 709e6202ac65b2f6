import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { PRICE_NOTES } from './price-notes.js';
import { type KnownPrice, type NewPrice, Prices } from './prices.service.js';
import { type NewPriceDto, PriceDto, PriceListDto, ReplacePricesDto } from './prices.dto.js';

const PATH = '/api/v1/prices';

@ApiTags('Usage')
@Controller()
export class PricesController {
  constructor(private readonly prices: Prices) {}

  @Get(PATH)
  @Scopes('user')
  @ApiOperation({ operationId: 'listPrices', summary: 'List what providers cost' })
  async list(): Promise<PriceListDto> {
    return { data: (await this.prices.all()).map(priceJson) };
  }

  /** Replaces all prices that administrators have entered; an empty list brings all list prices back. */
  @Put(PATH)
  @Scopes('admin')
  @ApiOperation({ operationId: 'replacePrices', summary: 'Enter what providers cost' })
  @ApiProblems('validation_failed')
  async replace(@Origin() origin: AuditOrigin, @Body() { prices }: ReplacePricesDto): Promise<PriceListDto> {
    await this.prices.replace(origin, prices.map(newPriceOf));
    return this.list();
  }
}

function priceJson({ provider, price, source }: KnownPrice): PriceDto {
  return {
    provider,
    storage_usd_per_gb_month: price.storageUsdPerGbMonth,
    egress_usd_per_gb: price.egressUsdPerGb,
    write_usd_per_1000: price.writeUsdPer1000,
    read_usd_per_1000: price.readUsdPer1000,
    as_of: price.asOf,
    source,
    not_in_it: PRICE_NOTES[provider],
  };
}

function newPriceOf(dto: NewPriceDto): NewPrice {
  return {
    provider: dto.provider,
    storageUsdPerGbMonth: dto.storage_usd_per_gb_month,
    egressUsdPerGb: dto.egress_usd_per_gb,
    writeUsdPer1000: dto.write_usd_per_1000,
    readUsdPer1000: dto.read_usd_per_1000,
    asOf: dto.as_of,
  };
}
