import { S3_XML_CORS } from '../cors-advice.js';
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

const DEFAULT_REGION = 'nyc3';

/** Ceph behind it: Content-MD5 is compared, SHA-256 headers are not; whether create-only works must be probed. */
const SPACES_QUIRKS: S3Quirks = {
  addressing: 'virtual',
  promised: { createOnly: false, contentBound: 'md5' },
  conditionalComplete: false,
  copying: { conditional: true, sha256: false },
  maxPutBytes: 5_000_000_000,
  maxPartBytes: 5_000_000_000,
  maxParts: 10_000,
};

export const digitaloceanSpaces: StorageProvider = {
  name: 'digitalocean_spaces',
  label: 'DigitalOcean Spaces',
  fields: [
    { ...s3BucketField, label: 'Space', help: 'The name of the Space. It must exist already.' },
    { ...accessKeyIdField, example: 'DO00EXAMPLEKEY123456' },
    secretAccessKeyField,
    regionField({
      help: "The region in the Space's endpoint: nyc3 of nyc3.digitaloceanspaces.com.",
      example: DEFAULT_REGION,
      defaultValue: DEFAULT_REGION,
    }),
    prefixField,
  ],
  guide: {
    setup: [
      '1. Create a Space with restricted file listing and note its region.',
      '2. Under Spaces Object Storage, Access Keys create a key with limited access: Read/Write/Delete on this Space.',
      '3. Copy the key and its secret.',
    ].join('\n'),
    policy: 'Spaces access key, limited access: Read/Write/Delete on {bucket}',
    policyLanguage: 'text',
    quirks: [
      'A Space answers only at the endpoint of its own region.',
      'Unfinished uploads are removed by Spaces after a while; Stowage ends its own after a day.',
      'Requests are limited per address and per Space; Stowage slows down when it is told to.',
    ],
    cors: S3_XML_CORS,
    docsUrl: 'https://docs.digitalocean.com/products/spaces/reference/s3-compatibility/',
  },
  price: {
    storageUsdPerGbMonth: 0.02,
    egressUsdPerGb: 0.01,
    writeUsdPer1000: 0,
    readUsdPer1000: 0,
    asOf: '2024-12-20',
  },
  endpointOf,
  connect: (settings, context) => {
    const { bucket_name, access_key_id, secret_access_key } = settings;
    return new S3Storage(
      {
        provider: 'digitalocean_spaces',
        bucket: bucket_name ?? '',
        region: regionOf(settings),
        endpoint: endpointOf(settings),
        credentials: { accessKeyId: access_key_id ?? '', secretAccessKey: secret_access_key ?? '' },
        quirks: SPACES_QUIRKS,
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
  return endpointFrom({ region }, `${region}.digitaloceanspaces.com`);
}
