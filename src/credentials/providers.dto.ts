import { ApiProperty } from '@nestjs/swagger';

/** One setting of a provider: enough to draw a form. */
export class SettingFieldDto {
  @ApiProperty({ example: 'application_key' })
  name: string;

  /** Other names that are accepted. */
  @ApiProperty({ type: [String], example: ['secret_key', 'secretKey'] })
  aliases: string[];

  @ApiProperty({ example: 'Application key' })
  label: string;

  @ApiProperty({ example: 'Shown once when the key is made.' })
  help: string;

  @ApiProperty({ example: 'K004xxxxxxxxxxxxxxxxxxxxxxxxx' })
  example: string;

  @ApiProperty({ example: true })
  required: boolean;

  /** Write-only. */
  @ApiProperty({ example: true })
  secret: boolean;

  /** May hold line breaks: draw a text area. */
  @ApiProperty({ example: false })
  multiline: boolean;

  @ApiProperty({ type: String, nullable: true, example: null })
  default: string | null;

  @ApiProperty({ type: 'integer', minimum: 1, example: 64 })
  max_length: number;

  /** Regular expression for the whole value. */
  @ApiProperty({ example: '^\\S+$' })
  pattern: string;

  @ApiProperty({ example: 'must not contain spaces' })
  pattern_help: string;
}

/** How browsers get to send files straight into the bucket. */
export class ProviderCorsDto {
  /** Markdown; replace {bucket}. */
  @ApiProperty({
    example: 'Save as `cors.json`, then `gcloud storage buckets update gs://{bucket} --cors-file=cors.json`.',
  })
  steps: string;

  /** Ready to copy, with the origins that may call this server. */
  @ApiProperty({ example: '[{"origin":["https://app.example.org"],"method":["GET","HEAD","PUT"]}]' })
  rules: string;

  @ApiProperty({ enum: ['json', 'xml', 'text'], example: 'json' })
  rules_language: string;
}

/** How to get a bucket and a key. */
export class ProviderGuideDto {
  /** Markdown. */
  @ApiProperty({ example: 'Open **App Keys** in the B2 console and add a key for one bucket.' })
  setup: string;

  /** The least that the key needs, ready to copy; replace {bucket}. */
  @ApiProperty({ example: 'listBuckets, listFiles, readFiles, writeFiles, deleteFiles' })
  policy: string;

  @ApiProperty({ enum: ['json', 'text'], example: 'text' })
  policy_language: string;

  @ApiProperty({ type: [String], example: ['Deleted objects are hidden, not removed.'] })
  quirks: string[];

  cors: ProviderCorsDto;

  @ApiProperty({ format: 'uri', example: 'https://www.backblaze.com/docs/cloud-storage-application-keys' })
  docs_url: string;
}

/** An estimate: look at the provider's own list before you decide. */
export class ProviderPriceDto {
  @ApiProperty({ minimum: 0, example: 0.005 })
  storage_usd_per_gb_month: number;

  @ApiProperty({ minimum: 0, example: 0.01 })
  egress_usd_per_gb: number;

  @ApiProperty({ minimum: 0, example: 0 })
  write_usd_per_1000: number;

  @ApiProperty({ minimum: 0, example: 0.0004 })
  read_usd_per_1000: number;

  /** When the figures were last checked. */
  @ApiProperty({ format: 'date', example: '2026-11-01' })
  as_of: string;
}

/** A kind of store that Stowage can use. */
export class ProviderDto {
  @ApiProperty({ example: 'backblaze_b2' })
  name: string;

  @ApiProperty({ example: 'Backblaze B2' })
  label: string;

  @ApiProperty({ type: [SettingFieldDto] })
  fields: SettingFieldDto[];

  guide: ProviderGuideDto;

  price: ProviderPriceDto;
}

/** All providers. */
export class ProviderListDto {
  @ApiProperty({ type: [ProviderDto] })
  data: ProviderDto[];
}
