import type { ProviderRegistry } from '../storage-providers/provider-registry.js';

type Body = Readonly<Record<string, unknown>>;

/** What the guide's form has for every provider, whether the provider knows it or not. */
const GUIDE_FIELDS = [
  'access_key',
  'accessKey',
  'secret_key',
  'secretKey',
  'service_account_json',
  'serviceAccountJSON',
  'region',
] as const;

/**
 * Drops what the guide's form sends although the chosen provider has no use for it: its fields are the same for all,
 * and those that do not matter are empty or, as the region, a default. Everything else is left to validation.
 */
export function fromGuide(body: Body, registry: ProviderRegistry): Body {
  const provider = typeof body.provider === 'string' ? registry.find(body.provider) : undefined;
  if (provider === undefined) return body;
  const known = new Set(provider.fields.flatMap((field) => [field.name, ...(field.aliases ?? [])]));
  const isIdle = (key: string, value: unknown): boolean =>
    (GUIDE_FIELDS as readonly string[]).includes(key) && (value === '' || !known.has(key));
  return Object.fromEntries(Object.entries(body).filter(([key, value]) => !isIdle(key, value)));
}

const text = (description: string) => ({ type: 'string' as const, description });

export const GUIDE_SCHEMA = {
  type: 'object' as const,
  required: ['provider'],
  properties: {
    provider: text('aws, gcp, azure, digitalocean or any name of GET /api/v1/providers.'),
    access_key: text('Access key ID, key ID or account name. Also accessKey.'),
    secret_key: {
      ...text('Secret access key, application key or account key. Also secretKey.'),
      writeOnly: true,
    },
    service_account_json: {
      ...text('Key file of a Google service account. Also serviceAccountJSON.'),
      writeOnly: true,
    },
    region: text('Region of the bucket, where the provider has regions.'),
    bucket_name: text('Name of the bucket or container. Also bucketName.'),
  },
  additionalProperties: { type: 'string' as const },
};

export const GUIDE_EXAMPLE = {
  provider: 'aws',
  access_key: 'AKIAIOSFODNN7EXAMPLE',
  secret_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-west-2',
  bucket_name: 'my-bucket',
};
