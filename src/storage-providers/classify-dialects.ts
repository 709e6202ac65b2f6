import { AZURE_CODES, GCS_CODES, S3_CODES, namesAnObject, type Verdict } from './classify-codes.js';
import type { StorageOperation } from './storage-errors.js';

/** Reads one code in a provider's dialect. `message` is bounded by the caller; undefined: not a code we know. */
export type Dialect = (code: string, message: string, operation: StorageOperation) => Verdict | undefined;

/** AWS, B2, R2, Spaces and everything that imitates S3. */
export const s3Dialect: Dialect = (code, message) => {
  switch (code) {
    case 'AuthorizationHeaderMalformed': {
      const region = /expecting '([a-z0-9-]{1,32})'/.exec(message)?.[1];
      return region ? { code: 'wrong_region', region } : { code: 'invalid_credentials' };
    }
    case 'AccessDenied':
      return deniedOnS3(message);
    case 'unauthorized':
    case 'Unauthorized':
      return /for application key with capabilities/i.test(message)
        ? { code: 'access_denied' }
        : { code: 'invalid_credentials' };
    case 'InvalidArgument':
      return invalidArgument(message);
    default:
      return code.startsWith('KMS.') ? { code: 'access_denied', nuance: 'kms' } : S3_CODES.get(code);
  }
};

/** JSON reasons and OAuth errors; signed URLs are answered in the XML of the S3 dialect. */
export const gcsDialect: Dialect = (code, message, operation) => {
  switch (code) {
    case 'invalid_grant':
      return { code: /reasonable timeframe/i.test(message) ? 'clock_skew' : 'invalid_credentials' };
    case 'notFound': {
      const isObject = namesAnObject(operation) && !/bucket does not exist/i.test(message);
      return { code: isObject ? 'object_not_found' : 'bucket_not_found' };
    }
    case 'AccessDenied': // the XML API's name for it
    case 'forbidden': {
      const permission = /does not have (storage\.\w{1,40}\.\w{1,40}) access/.exec(message)?.[1];
      return { code: 'access_denied', permission };
    }
    case 'invalid':
      return /md5|crc32c|checksum|hash/i.test(message) ? { code: 'integrity', retryable: true } : undefined;
    default:
      return GCS_CODES.get(code) ?? s3Dialect(code, message, operation);
  }
};

export const azureDialect: Dialect = (code, message) => {
  if (code === 'AuthenticationFailed' && /date header too old|specified time frame/i.test(message)) {
    return { code: 'clock_skew' };
  }
  // Azurite says AuthorizationFailure where Azure says AuthenticationFailed, with Azure's text.
  const isWrongKey = code === 'AuthorizationFailure' && /failed to authenticate the request/i.test(message);
  return isWrongKey ? { code: 'invalid_credentials', nuance: 'wrong_secret' } : AZURE_CODES.get(code);
};

function deniedOnS3(message: string): Verdict {
  if (/request has expired/i.test(message)) return { code: 'clock_skew' };
  if (/\bcap exceeded\b/i.test(message)) return { code: 'quota_or_billing' };
  const permission = /not authorized to perform: ([a-z0-9-]{1,20}:\w{1,64})/.exec(message)?.[1];
  return { code: 'access_denied', permission, nuance: permission?.startsWith('kms:') ? 'kms' : undefined };
}

function invalidArgument(message: string): Verdict | undefined {
  if (/access key has length/i.test(message)) return { code: 'invalid_credentials', nuance: 'unknown_key' };
  return /unsupported (header|content encoding)/i.test(message)
    ? { code: 'integrity', nuance: 'our_mistake' }
    : undefined;
}
