import { B2_CORS } from '../cors-advice.js';
import { prefixField } from '../setting-fields.js';
import type { ProviderSettings, StorageProvider } from '../storage-provider.js';
import {
  accessKeyIdField,
  endpointFrom,
  regionField,
  s3BucketField,
  secretAccessKeyField,
} from './s3/s3-fields.js';
import type { S3Quirks } from './s3/s3-quirks.js';
import { S3Storage } from './s3/s3-storage.js';

const DEFAULT_REGION = 'us-west-004';

/** No conditional writes (501 NotImplemented) and no SHA-256 header; Content-MD5 is compared. */
export const B2_QUIRKS: S3Quirks = {
  addressing: 'path',
  promised: { createOnly: false, contentBound: 'md5' },
  conditionalComplete: false,
  copying: { conditional: false, sha256: false },
  maxPutBytes: 5_000_000_000,
  maxPartBytes: 5_000_000_000,
  maxParts: 10_000,
};

export const backblazeB2: StorageProvider = {
  name: 'backblaze_b2',
  label: 'Backblaze B2',
  fields: [
    s3BucketField,
    {
      ...accessKeyIdField,
      name: 'key_id',
      aliases: ['keyId', 'access_key_id', 'accessKeyId', 'access_key', 'accessKey'],
      label: 'Key ID',
      help: 'keyID of an application key. The master key does not work with the S3 API of B2.',
      example: '0041234567890ab0000000001',
    },
    {
      ...secretAccessKeyField,
      name: 'application_key',
      aliases: ['applicationKey', 'secret_access_key', 'secretAccessKey', 'secret_key', 'secretKey'],
      label: 'Application key',
      help: 'applicationKey of the same key; B2 shows it only once.',
      example: 'K004abcdefghijklmnopqrstuvwxyz0',
    },
    regionField({
      help: "The region in the bucket's endpoint: us-west-004 of s3.us-west-004.backblazeb2.com.",
      example: DEFAULT_REGION,
      defaultValue: DEFAULT_REGION,
    }),
    prefixField,
  ],
  guide: {
    setup: [
      '1. Create a private bucket in the B2 console; the region is part of the endpoint that it shows.',
      '2. Under Application Keys add a key for this bucket only, with Read and Write access, and',
      '   the file name prefix `stowage/` if you like.',
      '3. Copy keyID to `key_id` and applicationKey to `application_key`.',
    ].join('\n'),
    policy:
      'b2 key create --bucket {bucket} --name-prefix stowage/ stowage listBuckets,listFiles,readFiles,writeFiles,deleteFiles',
    policyLanguage: 'text',
    quirks: [
      'A deleted file is only hidden and still billed: set the lifecycle of the bucket to "Keep only the last version".',
      'There are no create-only writes: Stowage never reuses a name and checks by MD5 instead.',
      'Reaching a cap under Caps & Alerts stops uploads until you raise it.',
    ],
    cors: B2_CORS,
    docsUrl: 'https://www.backblaze.com/docs/cloud-storage-s3-compatible-api',
  },
  price: {
    storageUsdPerGbMonth: 0.005,
    egressUsdPerGb: 0.01,
    writeUsdPer1000: 0,
    readUsdPer1000: 0.0004,
    asOf: '2024-12-20',
  },
  endpointOf,
  connect: (settings, context) => {
    const { bucket_name, key_id, application_key } = settings;
    return new S3Storage(
      {
        provider: 'backblaze_b2',
        bucket: bucket_name ?? '',
        region: regionOf(settings),
        endpoint: endpointOf(settings),
        credentials: { accessKeyId: key_id ?? '', secretAccessKey: application_key ?? '' },
        quirks: B2_QUIRKS,
      },
      context,
    );
  },
};

function regionOf({ region }: ProviderSettings): string {
  return region ?? DEFAULT_REGION;
}

function endpointOf(settings: ProviderSettings): URL {
  const region = regionOf(settings);
  return endpointFrom({ region }, `s3.${region}.backblazeb2.com`);
}
