import type { S3Double } from './s3-double/s3-double.js';

/** Settings of a double's bucket, as PUT /api/v1/settings/cloud-storage takes them. */
export function s3Settings({ endpoint, bucket, region, credentials }: S3Double) {
  return {
    provider: 's3_compatible',
    endpoint,
    bucket_name: bucket,
    region,
    access_key_id: credentials.accessKeyId,
    secret_access_key: credentials.secretAccessKey,
    path_style: 'true',
  };
}
