import { S3_CORS } from '../cors-advice.js';
import { prefixField } from '../setting-fields.js';
import type { ProviderSettings, StorageProvider } from '../storage-provider.js';
import {
  accessKeyIdField,
  endpointFrom,
  regionField,
  s3BucketField,
  secretAccessKeyField,
} from './s3/s3-fields.js';
import { S3_POLICY } from './s3/s3-policy.js';
import { S3Storage } from './s3/s3-storage.js';
import type { S3Quirks } from './s3/s3-quirks.js';

const GIB = 1024 ** 3;

const FALLBACK_REGION = 'us-east-1';

export const AWS_QUIRKS: S3Quirks = {
  addressing: 'virtual',
  promised: { createOnly: true, contentBound: 'sha256' },
  conditionalComplete: true,
  copying: { conditional: true, sha256: true },
  maxPutBytes: 5 * GIB,
  maxPartBytes: 5 * GIB,
  maxParts: 10_000,
};

export const awsS3: StorageProvider = {
  name: 'aws_s3',
  label: 'AWS S3',
  fields: [
    s3BucketField,
    accessKeyIdField,
    secretAccessKeyField,
    regionField({
      help: 'The region of the bucket, as the S3 console shows it. The default is that of the installation.',
      example: 'us-west-2',
    }),
    prefixField,
  ],
  guide: {
    setup: [
      '1. Create a bucket in the S3 console and note its region.',
      '2. Create an IAM user without console access and attach the policy below.',
      '3. Create an access key for that user: it gives `access_key_id` and `secret_access_key`.',
    ].join('\n'),
    policy: S3_POLICY,
    policyLanguage: 'json',
    quirks: [
      'The policy names the default prefix stowage/: change it there too if you change prefix.',
      'A bucket encrypted with your own KMS key also needs kms:GenerateDataKey and kms:Decrypt on that key.',
      'Unfinished uploads are kept and billed until a lifecycle rule ends them: add one of 7 days.',
    ],
    cors: S3_CORS,
    docsUrl: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/',
  },
  price: {
    storageUsdPerGbMonth: 0.023,
    egressUsdPerGb: 0.09,
    writeUsdPer1000: 0.005,
    readUsdPer1000: 0.0004,
    asOf: '2024-12-20',
  },
  endpointOf: (settings, defaultRegion) => endpointOf(regionOf(settings, defaultRegion)),
  connect: (settings, context) => {
    const region = regionOf(settings, context.defaultRegion);
    const { bucket_name, access_key_id, secret_access_key } = settings;
    return new S3Storage(
      {
        provider: 'aws_s3',
        bucket: bucket_name ?? '',
        region,
        endpoint: endpointOf(region),
        credentials: { accessKeyId: access_key_id ?? '', secretAccessKey: secret_access_key ?? '' },
        quirks: AWS_QUIRKS,
      },
      context,
    );
  },
};

function regionOf({ region }: ProviderSettings, defaultRegion: string | undefined): string {
  return region ?? defaultRegion ?? FALLBACK_REGION;
}

function endpointOf(region: string): URL {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return endpointFrom({ region }, `s3.${region}.${suffix}`);
}
