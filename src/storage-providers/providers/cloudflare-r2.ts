import { R2_CORS } from '../cors-advice.js';
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

const REGION = 'auto';
const NO_JURISDICTION = 'default';

/** 4.995 GiB, rounded down. */
const MAX_BYTES = Math.floor(4.995 * 1024 ** 3);

/** All parts but the last must have one size; conditions are obeyed on PUT but not at the end of an upload. */
const R2_QUIRKS: S3Quirks = {
  addressing: 'path',
  promised: { createOnly: true, contentBound: 'sha256' },
  conditionalComplete: false,
  copying: { conditional: true, sha256: false },
  maxPutBytes: MAX_BYTES,
  maxPartBytes: MAX_BYTES,
  maxParts: 10_000,
};

export const cloudflareR2: StorageProvider = {
  name: 'cloudflare_r2',
  label: 'Cloudflare R2',
  fields: [
    s3BucketField,
    {
      name: 'account_id',
      aliases: ['accountId'],
      label: 'Account ID',
      help: 'The account ID on the R2 overview page; it is part of the endpoint.',
      example: '0123456789abcdef0123456789abcdef',
      required: true,
      secret: false,
      maxLength: 32,
      pattern: /^[0-9a-f]{32}$/,
      patternHelp: 'must be the 32 hexadecimal characters of the account ID, in lower case',
    },
    {
      ...accessKeyIdField,
      help: 'Access Key ID of an R2 API token.',
      example: '3f8d2c6e5b7a49108e0d4c2b6a1f9e75',
    },
    { ...secretAccessKeyField, help: 'Secret Access Key of the same token; R2 shows it only once.' },
    {
      name: 'jurisdiction',
      label: 'Jurisdiction',
      help: 'Set it for buckets that were created with a jurisdiction: they live at another endpoint.',
      example: 'eu',
      required: false,
      secret: false,
      defaultValue: NO_JURISDICTION,
      maxLength: 10,
      pattern: /^(?:default|eu|fedramp)$/,
      patternHelp: 'must be default, eu or fedramp',
    },
    regionField({
      help: 'R2 has one region, auto.',
      example: REGION,
      defaultValue: REGION,
      pattern: /^(?:auto|us-east-1)$/,
      patternHelp: 'must be auto: R2 chooses the place itself',
    }),
    prefixField,
  ],
  guide: {
    setup: [
      '1. Create a bucket in R2; the account ID is on the overview page.',
      '2. Under Manage API tokens create a token with the permission Object Read & Write for this bucket only.',
      '3. Copy its Access Key ID and Secret Access Key. A new token can take up to a minute to work.',
    ].join('\n'),
    policy: 'R2 API token: Object Read & Write, specified bucket: {bucket}',
    policyLanguage: 'text',
    quirks: [
      'Reading costs no egress fees.',
      'A name can be written once per second at most; Stowage never writes a name twice.',
      'R2 ends unfinished uploads after 7 days.',
    ],
    cors: R2_CORS,
    docsUrl: 'https://developers.cloudflare.com/r2/api/s3/api/',
  },
  price: {
    storageUsdPerGbMonth: 0.015,
    egressUsdPerGb: 0,
    writeUsdPer1000: 0.0045,
    readUsdPer1000: 0.00036,
    asOf: '2024-12-20',
  },
  endpointOf,
  connect: (settings, context) => {
    const { bucket_name, access_key_id, secret_access_key } = settings;
    return new S3Storage(
      {
        provider: 'cloudflare_r2',
        bucket: bucket_name ?? '',
        region: REGION,
        endpoint: endpointOf(settings),
        credentials: { accessKeyId: access_key_id ?? '', secretAccessKey: secret_access_key ?? '' },
        quirks: R2_QUIRKS,
      },
      context,
    );
  },
};

function endpointOf({ account_id = '', jurisdiction = NO_JURISDICTION }: ProviderSettings): URL {
  const middle = jurisdiction === NO_JURISDICTION ? '' : `${jurisdiction}.`;
  return endpointFrom({ account_id, jurisdiction }, `${account_id}.${middle}r2.cloudflarestorage.com`);
}
