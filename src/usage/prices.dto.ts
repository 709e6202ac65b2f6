import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsISO8601,
  IsNumber,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { PROVIDER_NAMES, type ProviderName } from '../storage-providers/storage-provider.js';

/** Dearer is a slip of the pen. */
const MAX_USD = 1_000;
const usd = (example: number) => ({ type: 'number', minimum: 0, maximum: MAX_USD, example }) as const;
const Usd = (): PropertyDecorator => (target, property) => {
  IsNumber({ allowNaN: false, allowInfinity: false })(target, property);
  Min(0)(target, property);
  Max(MAX_USD)(target, property);
};

const DAY = /^\d{4}-\d\d-\d\d$/;
const DAY_HELP = { message: 'must be a day such as 2026-11-22' };

/** What a provider costs, in US dollars; a GB is 1,000,000,000 bytes. */
export class NewPriceDto {
  @ApiProperty({ enum: PROVIDER_NAMES, example: 'backblaze_b2' })
  @IsIn(PROVIDER_NAMES)
  provider: ProviderName;

  @ApiProperty(usd(0.005))
  @Usd()
  storage_usd_per_gb_month: number;

  @ApiProperty(usd(0.01))
  @Usd()
  egress_usd_per_gb: number;

  /** Also of listings. */
  @ApiProperty(usd(0))
  @Usd()
  write_usd_per_1000: number;

  @ApiProperty(usd(0.0004))
  @Usd()
  read_usd_per_1000: number;

  /** Day on which the figures were checked. */
  @ApiProperty({ format: 'date', example: '2026-11-22' })
  @Matches(DAY, DAY_HELP)
  @IsISO8601({ strict: true }, DAY_HELP)
  as_of: string;
}

export class ReplacePricesDto {
  /** Providers that are not named get their list price back. */
  @ApiProperty({ type: [NewPriceDto] })
  @IsArray()
  @ArrayMaxSize(PROVIDER_NAMES.length)
  @ArrayUnique(({ provider }: NewPriceDto) => provider, { message: 'must name each provider once' })
  @ValidateNested({ each: true })
  @Type(() => NewPriceDto)
  prices: NewPriceDto[];
}

export class PriceDto extends NewPriceDto {
  /** `built_in`: the list price that Stowage comes with; `operator`: entered by an administrator. */
  @ApiProperty({ enum: ['built_in', 'operator'], example: 'built_in' })
  source: 'built_in' | 'operator';

  /** What its bill has besides. */
  @ApiProperty({ type: [String], example: ['The first 10 GB stored are free.'] })
  not_in_it: readonly string[];
}

export class PriceListDto {
  data: PriceDto[];
}
