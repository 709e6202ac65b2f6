import { S3_CORS } from '../cors-advice.js';
import { bucketField, prefixField } from '../setting-fields.js';
import { StorageError } from '../storage-errors.js';
import type { ProviderSettings, SettingProblem, StorageProvider } from '../storage-provider.js';
import { isHostLabel } from './s3/s3-address.js';
import { accessKeyIdField, regionField, secretAccessKeyField } from './s3/s3-fields.js';
import { S3_POLICY } from './s3/s3-policy.js';
import type { S3Quirks } from './s3/s3-quirks.js';
import { S3Storage } from './s3/s3-storage.js';

const GIB = 1024 ** 3;

const DEFAULT_REGION = 'us-east-1';

/** Only what every implementation does is promised; the connection test finds out about the rest. */
const S3_COMPATIBLE_QUIRKS: S3Quirks = {
  addressing: 'path',
  promised: { createOnly: false, contentBound: 'md5' },
  conditionalComplete: false,
  copying: { conditional: true, sha256: false },
  maxPutBytes: 5 * GIB,
  maxPartBytes: 5 * GIB,
  maxParts: 10_000,
};

export const s3Compatible: StorageProvider = {
  name: 's3_compatible',
  label: 'S3-compatible',
  fields: [
    bucketField({
      maxLength: 255,
      pattern: /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,255}$/,
      patternHelp: 'must be 1 to 255 letters, digits, dots, dashes or underscores',
    }),
    {
      name: 'endpoint',
      aliases: ['endpoint_url', 'endpointUrl'],
      label: 'Endpoint',
      help: 'The address of the S3 API, without the bucket. https:// is assumed when no scheme is given.',
      example: 'https://s3.example.com',
      required: true,
      secret: false,
      maxLength: 255,
      pattern:
        /^(?:https?:\/\/)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)*\/?$/,
      patternHelp: 'must be a host name or address with an optional port, like https://s3.example.com',
    },
    accessKeyIdField,
    secretAccessKeyField,
    regionField({
      help: 'The region that the server expects in signatures; most accept any.',
      example: DEFAULT_REGION,
      defaultValue: DEFAULT_REGION,
    }),
    {
      name: 'path_style',
      aliases: ['pathStyle', 'force_path_style', 'forcePathStyle'],
      label: 'Bucket in the path',
      help: 'true: https://endpoint/bucket (most servers). false: https://bucket.endpoint.',
      example: 'true',
      required: false,
      secret: false,
      defaultValue: 'true',
      maxLength: 5,
      pattern: /^(?:true|false)$/,
      patternHelp: 'must be true or false',
    },
    prefixField,
  ],
  guide: {
    setup: [
      '1. Create a bucket, and a user or access key that may use it.',
      '2. Enter the address of the S3 API: not that of a web console.',
      '3. A server inside your network must be allowed by the operator: ALLOWED_PRIVATE_ENDPOINTS.',
    ].join('\n'),
    policy: S3_POLICY,
    policyLanguage: 'json',
    quirks: [
      'What the server can do (create-only writes, checksums) is found out by the connection test.',
      'http is used only for endpoints that the operator allows.',
    ],
    cors: S3_CORS,
    docsUrl: 'https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html',
  },
  price: {
    storageUsdPerGbMonth: 0,
    egressUsdPerGb: 0,
    writeUsdPer1000: 0,
    readUsdPer1000: 0,
    asOf: '2024-12-20',
  },
  checkSettings,
  endpointOf,
  connect: (settings, context) => {
    const { bucket_name, access_key_id, secret_access_key, region } = settings;
    return new S3Storage(
      {
        provider: 's3_compatible',
        bucket: bucket_name ?? '',
        region: region ?? DEFAULT_REGION,
        endpoint: endpointOf(settings),
        credentials: { accessKeyId: access_key_id ?? '', secretAccessKey: secret_access_key ?? '' },
        quirks: { ...S3_COMPATIBLE_QUIRKS, addressing: isPathStyle(settings) ? 'path' : 'virtual' },
      },
      context,
    );
  },
};

function checkSettings(settings: ProviderSettings): readonly SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (parseEndpoint(settings) === null) {
    problems.push({
      field: 'endpoint',
      problem: 'must be an address like https://s3.example.com or host:port',
    });
  }
  if (!isPathStyle(settings) && !isHostLabel(settings.bucket_name ?? '')) {
    problems.push({
      field: 'path_style',
      problem: 'must be true for a bucket whose name cannot be part of a host name',
    });
  }
  return problems;
}

function isPathStyle({ path_style }: ProviderSettings): boolean {
  return path_style !== 'false';
}

function endpointOf(settings: ProviderSettings): URL {
  const url = parseEndpoint(settings);
  if (url !== null) return url;
  throw new StorageError('endpoint_unreachable', 'The endpoint is no address.', {
    operation: 'connect',
    hint: 'Correct endpoint: it looks like https://s3.example.com.',
    retryable: false,
    providerCode: 'ENDPOINT_NOT_ALLOWED',
  });
}

function parseEndpoint({ endpoint = '' }: ProviderSettings): URL | null {
  const url = URL.parse(/^https?:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`);
  return url !== null && url.search === '' && url.hash === '' ? url : null;
}
