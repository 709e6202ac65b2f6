import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsISO8601, IsOptional, Matches, Max, Min } from 'class-validator';
import { toInteger } from '../rest/page.dto.js';
import { PROVIDER_NAMES, type ProviderName } from '../storage-providers/storage-provider.js';

const integer = { type: 'integer', minimum: 0 } as const;
const usd = { type: 'number', minimum: 0 } as const;
const day = { format: 'date', example: '2026-11-22' } as const;

const DAY = /^\d{4}-\d\d-\d\d$/;
const DAY_HELP = { message: 'must be a day such as 2026-11-22' };

/** Whose usage, and of which days. */
export class UsageQuery {
  /** For administrators: somebody else's usage. */
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 2147483647, required: false, example: 7 })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(2147483647)
  user_id?: number;

  /** First day, in UTC; 29 days before `to` when absent. */
  @ApiProperty({ required: false, ...day })
  @IsOptional()
  @Matches(DAY, DAY_HELP)
  @IsISO8601({ strict: true }, DAY_HELP)
  from?: string;

  /** Last day, in UTC; today when absent. */
  @ApiProperty({ required: false, ...day })
  @IsOptional()
  @Matches(DAY, DAY_HELP)
  @IsISO8601({ strict: true }, DAY_HELP)
  to?: string;
}

export class StoredAmountDto {
  @ApiProperty({ ...integer, example: 1024 })
  count: number;

  @ApiProperty({ ...integer, example: 52428800 })
  bytes: number;
}

/** What lies in the bucket by our rows, now. */
export class StoredDto {
  files: StoredAmountDto;

  trash: StoredAmountDto;

  /** Earlier contents of files. */
  versions: StoredAmountDto;

  /** Those of workspaces' snapshots. */
  repositories: StoredAmountDto;

  /** Of all of them. */
  @ApiProperty({ ...integer, example: 52428800 })
  total_bytes: number;
}

/** Calls to the provider, retries included, by what providers bill. */
export class RequestsDto {
  /** Puts, parts, and the begin and end of multipart uploads. */
  @ApiProperty({ ...integer, example: 1200 })
  write: number;

  /** Billed as writes by most. */
  @ApiProperty({ ...integer, example: 12 })
  list: number;

  @ApiProperty({ ...integer, example: 3400 })
  read: number;

  /** Free. */
  @ApiProperty({ ...integer, example: 40 })
  delete: number;

  /** URLs to upload that were given out; an estimate: whether they are used is not seen. */
  @ApiProperty({ ...integer, example: 800 })
  signed_write: number;

  /** URLs to download that were given out; an estimate: how often they are used is not seen. */
  @ApiProperty({ ...integer, example: 90 })
  signed_read: number;
}

/** What was done with a bucket. */
export class DoneDto {
  requests: RequestsDto;

  /** To the bucket, through this server. */
  @ApiProperty({ ...integer, example: 52428800 })
  sent_bytes: number;

  /** From the bucket, through this server; a read counts as what was asked for when its answer began. */
  @ApiProperty({ ...integer, example: 1048576 })
  received_bytes: number;

  /** What URLs to upload were good for; an estimate. */
  @ApiProperty({ ...integer, example: 10485760 })
  signed_sent_bytes: number;

  /** What URLs to download were good for, each used once; an estimate. Those for agents are not in it. */
  @ApiProperty({ ...integer, example: 10485760 })
  signed_received_bytes: number;
}

/** By list prices; never a bill. */
export class UsageCostDto {
  @ApiProperty({ enum: [true] })
  is_estimate: true;

  @ApiProperty({ ...usd, example: 1.2345 })
  monthly_usd: number;

  /** What is stored now, for a month. */
  @ApiProperty({ ...usd, example: 1.15 })
  storage_usd: number;

  /** The requests of the period, as many as a month of 30 days has. */
  @ApiProperty({ ...usd, example: 0.006 })
  requests_usd: number;

  /** The bytes that left the bucket in the period, as many as a month of 30 days has. */
  @ApiProperty({ ...usd, example: 0.0785 })
  egress_usd: number;

  /** Day on which the price was checked; of several, the oldest. */
  @ApiProperty({ format: 'date', example: '2024-12-20' })
  prices_as_of: string;
}

export class ConfigUsageDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 3 })
  cloud_config_id: number;

  @ApiProperty({ enum: PROVIDER_NAMES, example: 'backblaze_b2' })
  provider: ProviderName;

  @ApiProperty({ example: 'my-bucket' })
  bucket_name: string;

  /** Whether new files go there. */
  @ApiProperty({ example: true })
  is_active: boolean;

  stored: StoredDto;

  done: DoneDto;

  /** null while nobody knows the provider's price. */
  @ApiProperty({ type: UsageCostDto, nullable: true })
  cost: UsageCostDto | null;
}

/** What a user's buckets hold, what was done with them, and what that costs. */
export class UsageDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  user_id: number;

  @ApiProperty(day)
  from: string;

  @ApiProperty(day)
  to: string;

  /** null: no limit of the administrator's. */
  @ApiProperty({ ...integer, nullable: true, example: 10737418240 })
  quota_bytes: number | null;

  /** What the quota counts: files with the trash and kept versions. */
  @ApiProperty({ ...integer, example: 52428800 })
  quota_used_bytes: number;

  /** Of all buckets. */
  @ApiProperty({ ...integer, example: 52428800 })
  stored_bytes: number;

  configs: ConfigUsageDto[];

  /** Of all buckets whose price is known; null when there is none. */
  @ApiProperty({ type: UsageCostDto, nullable: true })
  cost: UsageCostDto | null;
}

export class UsageDayDto extends DoneDto {
  @ApiProperty(day)
  day: string;

  @ApiProperty({ type: 'integer', minimum: 1, example: 3 })
  cloud_config_id: number;

  @ApiProperty({ enum: PROVIDER_NAMES, example: 'backblaze_b2' })
  provider: ProviderName;
}

/** Days on which nothing was done are left out. */
export class UsageDaysDto {
  data: UsageDayDto[];
}

export class ProviderCostDto {
  @ApiProperty({ enum: PROVIDER_NAMES, example: 'backblaze_b2' })
  provider: ProviderName;

  @ApiProperty({ example: 'Backblaze B2' })
  label: string;

  /** Whether the user's files go there now. */
  @ApiProperty({ example: false })
  is_active: boolean;

  /** null while nobody knows the provider's price. */
  @ApiProperty({ type: UsageCostDto, nullable: true })
  cost: UsageCostDto | null;

  /** What its bill has besides, and the estimate leaves out. */
  @ApiProperty({ type: [String], example: ['The first 10 GB stored are free.'] })
  not_in_it: readonly string[];
}

/** What the same usage costs at each provider, the cheapest first; those without a known price last. */
export class UsageComparisonDto {
  @ApiProperty(day)
  from: string;

  @ApiProperty(day)
  to: string;

  /** What was compared. */
  @ApiProperty({ ...integer, example: 52428800 })
  stored_bytes: number;

  data: ProviderCostDto[];
}
