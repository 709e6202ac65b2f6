import { bucketField } from '../../setting-fields.js';
import type { SettingField } from '../../storage-provider.js';
import { StorageError } from '../../storage-errors.js';

/** Buckets as AWS names them; B2, R2 and Spaces allow a part of it. */
export const s3BucketField = bucketField({
  maxLength: 63,
  pattern:
    /^(?=.{3,63}$)(?!xn--)(?!\d{1,3}(?:\.\d{1,3}){3}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
  patternHelp:
    'must be 3 to 63 lower-case letters, digits, dashes or dots, beginning and ending with a letter or digit, and no IP address',
});

/** Like `us-west-2`: one label of a host name, because that is what most members make of it. */
const REGION_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const REGION_HELP = 'must be a region code of lower-case letters, digits and dashes';

export function regionField(
  field: Pick<SettingField, 'help' | 'example'> & Partial<SettingField>,
): SettingField {
  return {
    name: 'region',
    label: 'Region',
    required: false,
    secret: false,
    maxLength: 32,
    pattern: REGION_PATTERN,
    patternHelp: REGION_HELP,
    ...field,
  };
}

export const accessKeyIdField: SettingField = {
  name: 'access_key_id',
  aliases: ['accessKeyId', 'access_key', 'accessKey'],
  label: 'Access key ID',
  help: 'The public half of the access key.',
  example: 'AKIAIOSFODNN7EXAMPLE',
  required: true,
  secret: true,
  maxLength: 128,
  // It is part of a header in which slash, comma and equals sign separate.
  pattern: /^(?:(?![/,=])[\x21-\x7e]){1,128}$/,
  patternHelp: 'must be the key ID as the provider shows it, without spaces',
};

export const secretAccessKeyField: SettingField = {
  name: 'secret_access_key',
  aliases: ['secretAccessKey', 'secret_key', 'secretKey'],
  label: 'Secret access key',
  help: 'The secret half of the access key; providers show it only once, when it is made.',
  example: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  required: true,
  secret: true,
  maxLength: 256,
  pattern: /^[\x21-\x7e]{1,256}$/,
  patternHelp: 'must be the secret as the provider shows it, without spaces or line breaks',
};

/**
 * An https endpoint whose host is made of settings: each is checked once more, because a slash or an @ in one
 * of them would lead requests to another host (they were validated at the door, but a stored row may be older).
 */
export function endpointFrom(labels: Readonly<Record<string, string>>, host: string): URL {
  for (const [name, label] of Object.entries(labels)) {
    if (!REGION_PATTERN.test(label)) throw badLabel(name);
  }
  return new URL(`https://${host}`);
}

function badLabel(name: string): StorageError {
  return new StorageError('endpoint_unreachable', `The setting ${name} cannot be part of a host name.`, {
    operation: 'connect',
    hint: `Correct ${name}: it ${REGION_HELP}.`,
    retryable: false,
    providerCode: 'ENDPOINT_NOT_ALLOWED',
  });
}
