import { startAzurite } from './azurite.js';
import { startGcsDouble } from './gcs-double/gcs-double.js';
import { startS3Double } from './s3-double/s3-double.js';
import { s3Settings } from './s3-settings.js';

/** A bucket of each kind on this machine, and what a server must be told to reach all of them. */
export interface Buckets {
  readonly environment: Readonly<Record<string, string>>;
  /** Bodies of PUT /api/v1/settings/cloud-storage. */
  readonly settings: Readonly<Record<BucketKind, Readonly<Record<string, string>>>>;
  stop(): Promise<void>;
}

export const BUCKET_KINDS = ['local_disk', 's3_compatible', 'google_gcs', 'azure_blob'] as const;
export type BucketKind = (typeof BUCKET_KINDS)[number];

export async function startBuckets(): Promise<Buckets> {
  const [s3, gcs, azurite] = await Promise.all([startS3Double(), startGcsDouble(), startAzurite()]);
  return {
    environment: {
      ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
      GCS_ENDPOINT: gcs.endpoint,
      GCS_TOKEN_ENDPOINT: gcs.tokenEndpoint,
      AZURE_ENDPOINT: azurite.endpoint,
    },
    settings: {
      local_disk: { provider: 'local_disk', bucket_name: 'files' },
      s3_compatible: s3Settings(s3),
      google_gcs: {
        provider: 'google_gcs',
        bucket_name: gcs.bucket,
        service_account_json: JSON.stringify(gcs.accounts.full.key),
      },
      azure_blob: {
        provider: 'azure_blob',
        bucket_name: azurite.container,
        account_name: azurite.accountName,
        account_key: azurite.accountKey,
      },
    },
    stop: async () => {
      await Promise.all([s3.stop(), gcs.stop(), azurite.stop()]);
    },
  };
}
