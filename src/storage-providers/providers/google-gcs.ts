import { GCS_CORS } from '../cors-advice.js';
import { StorageError } from '../storage-errors.js';
import { bucketField, prefixField } from '../setting-fields.js';
import type { ConnectContext, ProviderSettings, SettingField, StorageProvider } from '../storage-provider.js';
import { HttpClient } from './http/http-client.js';
import { GcsClient } from './gcs/gcs-client.js';
import { GcsStorage } from './gcs/gcs-storage.js';
import { MAX_KEY_FILE_BYTES, parseServiceAccount, type ServiceAccount } from './gcs/service-account.js';
import { gcsSignedUrls } from './gcs/signed-url.js';
import { TokenSource } from './gcs/token-source.js';

const GOOGLE = {
  storage: 'https://storage.googleapis.com',
  token: 'https://oauth2.googleapis.com/token',
};

const serviceAccountField: SettingField = {
  name: 'service_account_json',
  aliases: ['serviceAccountJSON', 'serviceAccountJson'],
  label: 'Service account key',
  help: 'The whole JSON key file of a service account that may use the bucket. Other kinds of Google credentials are refused.',
  example: '{"type": "service_account", "client_email": "…", "private_key": "…"}',
  required: true,
  secret: true,
  multiline: true,
  maxLength: MAX_KEY_FILE_BYTES,
  pattern: /^\{[\s\S]*\}$/,
  patternHelp: 'must be the whole JSON key file, from { to }',
};

const regionField: SettingField = {
  name: 'region',
  label: 'Region',
  help: 'Where the bucket lies. For your information only: Cloud Storage finds the bucket by its name.',
  example: 'us-central1',
  required: false,
  secret: false,
  defaultValue: 'us-central1',
  maxLength: 32,
  pattern: /^[A-Za-z0-9-]{1,32}$/,
  patternHelp: 'must be a location such as us-central1 or EU',
};

/** Google Cloud Storage with a service account key, through its own APIs. */
export const googleGcs: StorageProvider = {
  name: 'google_gcs',
  label: 'Google Cloud Storage',
  fields: [
    bucketField({
      maxLength: 222,
      pattern: /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/,
      patternHelp: 'must be 3 to 222 lower-case letters, digits, dots, dashes or underscores',
    }),
    serviceAccountField,
    regionField,
    prefixField,
  ],
  guide: {
    setup: [
      '1. In the Google Cloud console, open **Cloud Storage > Buckets** and create a bucket (uniform access, no public access).',
      '2. Under **IAM & Admin > Service accounts**, create a service account.',
      '3. On the bucket, under **Permissions**, grant it the role **Storage Object Admin**.',
      '4. Under **Keys** of the service account, choose **Add key > Create new key > JSON** and paste the whole file.',
    ].join('\n'),
    policy:
      'gcloud storage buckets add-iam-policy-binding gs://{bucket} \\\n' +
      '  --member=serviceAccount:NAME@PROJECT.iam.gserviceaccount.com --role=roles/storage.objectAdmin',
    policyLanguage: 'text',
    quirks: [
      'One object can be written about once a second; more is answered with 429.',
      'Create-only holds for single uploads; a multipart upload takes no precondition, so the key is looked up just before it completes.',
      'Signed uploads bind the exact length and the MD5 of the content.',
      'With soft delete on (the default), deleted objects are kept and billed for seven days.',
    ],
    cors: GCS_CORS,
    docsUrl: 'https://cloud.google.com/storage/docs',
  },
  price: {
    storageUsdPerGbMonth: 0.02,
    egressUsdPerGb: 0.12,
    writeUsdPer1000: 0.005,
    readUsdPer1000: 0.0004,
    asOf: '2026-11-22',
  },
  checkSettings({ service_account_json: json }) {
    if (json === undefined) return [];
    const account = parseServiceAccount(json);
    return 'problem' in account ? [{ field: 'service_account_json', problem: account.problem }] : [];
  },
  endpointOf: () => new URL(GOOGLE.storage),
  connect,
};

function connect(settings: ProviderSettings, context: ConnectContext): GcsStorage {
  const bucket = settings.bucket_name ?? '';
  const account = accountOf(settings);
  const now = context.now ?? (() => new Date().getTime());
  const endpoints = context.gcsEndpoints ?? GOOGLE;
  const origin = new URL(endpoints.storage);
  const tokenUrl = new URL(endpoints.token);
  const http = new HttpClient({ provider: 'google_gcs', bucket, origin }, context);
  const tokenHttp = new HttpClient({ provider: 'google_gcs', bucket, origin: tokenUrl }, context);
  const answerMs = context.timeouts.responseMs;
  const tokens = new TokenSource({
    account,
    http: tokenHttp,
    path: tokenUrl.pathname,
    bucket,
    answerMs,
    now,
  });
  return new GcsStorage({
    client: new GcsClient({ http, tokens, bucket, answerMs, now }),
    capabilities: { createOnly: true, contentBound: 'md5', ...context.capabilities },
    signedUrls: gcsSignedUrls({ account, bucket, origin, now }),
    close: async () => void (await Promise.all([http.close(), tokenHttp.close()])),
  });
}

function accountOf({ service_account_json: json }: ProviderSettings): ServiceAccount {
  const account = parseServiceAccount(json ?? '');
  if (!('problem' in account)) return account;
  throw new StorageError('invalid_credentials', `service_account_json ${account.problem}.`, {
    operation: 'connect',
    hint: 'Paste the whole JSON key file of a service account.',
    retryable: false,
  });
}
