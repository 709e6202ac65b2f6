import { Storage, type Bucket } from '@google-cloud/storage';
import { JWT } from 'google-auth-library';
import type { GcsDouble } from '../support/gcs-double/gcs-double.js';
import type { ServiceAccountKey } from '../support/gcs-double/service-accounts.js';

const GOOGLE_TOKENS = 'https://oauth2.googleapis.com';

/** Google's own client, which knows nothing of us: it judges the double. Only the hosts are others. */
export function bucketOf(double: GcsDouble, key: ServiceAccountKey = double.accounts.full.key): Bucket {
  const storage = new Storage({
    apiEndpoint: double.endpoint,
    projectId: key.project_id,
    authClient: authClientOf(double, key),
    useAuthWithCustomEndpoint: true,
    retryOptions: { autoRetry: false, maxRetries: 0 },
  });
  return storage.bucket(double.bucket);
}

/** A bucket that only signs URLs: the client does that with the key itself, without a request. */
export function signingBucketOf(double: GcsDouble): Bucket {
  const { client_email, private_key, project_id } = double.accounts.full.key;
  const credentials = { client_email, private_key };
  return new Storage({ apiEndpoint: double.endpoint, projectId: project_id, credentials }).bucket(
    double.bucket,
  );
}

export async function bearerOf(double: GcsDouble): Promise<string> {
  const { token } = await authClientOf(double, double.accounts.full.key).getAccessToken();
  return token ?? '';
}

function authClientOf(double: GcsDouble, key: ServiceAccountKey): JWT {
  const client = new JWT({
    email: key.client_email,
    key: key.private_key,
    scopes: ['https://www.googleapis.com/auth/devstorage.read_write'],
  });
  // The library knows one token endpoint only; the request is sent to ours as it was signed for Google's.
  client.transporter.interceptors.request.add({
    resolved: async (options) => {
      if (options.url.origin === GOOGLE_TOKENS) options.url = new URL(double.tokenEndpoint);
      return options;
    },
  });
  return client;
}
