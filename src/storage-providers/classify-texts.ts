import type { ProviderName } from './storage-provider.js';

/*
 * Keys are `code`, `code/nuance`, `code/provider` or `code/nuance/provider`; the longest that fits is used.
 * Placeholders are filled by classify-words.ts.
 */

export const SENTENCES: Readonly<Record<string, string>> = {
  invalid_credentials: '{store} does not accept the provided {Fields}.',
  'invalid_credentials/unknown_key': 'The provided {id} is not valid.',
  'invalid_credentials/wrong_secret': 'The provided {secret} does not belong to the provided {id}.',
  'invalid_credentials/expired_key': '{store} does not accept the provided {Fields} any more.',
  'invalid_credentials/unreadable_key': 'The private key in {secret} cannot be read.',
  'invalid_credentials/key_or_permission': '{store} refused the request without saying why.',

  bucket_not_found: 'The bucket {bucket} does not exist.',
  'bucket_not_found/azure_blob': 'The container {bucket} does not exist.',
  'bucket_not_found/local_disk': 'The folder of bucket {bucket} does not exist.',
  'bucket_not_found/bad_bucket_name': '{store} does not allow the bucket name {bucket}.',
  'bucket_not_found/bucket_going': 'The container {bucket} is being deleted.',

  object_not_found: 'The object does not exist.',
  'object_not_found/upload_gone': 'The unfinished upload does not exist any more.',

  access_denied: '{store} refused to {action}: the key lacks the permission {permission}.',
  'access_denied/local_disk': 'The server may not {permission} the folder of bucket {bucket}.',
  'access_denied/locked_object': '{store} refused to {action}: the object is protected.',
  'access_denied/kms': '{store} refused to {action}: the key may not use the KMS key of the bucket.',

  wrong_region: 'The bucket {bucket} does not belong to the region or endpoint that is set.',

  'wrong_region/known_region': 'The bucket {bucket} belongs to region {region}, not to the one that is set.',

  endpoint_unreachable: 'The connection to {store} broke before the answer was complete.',
  'endpoint_unreachable/dns': 'The host name of {store} could not be resolved.',
  'endpoint_unreachable/account_dns': 'The host name of {store} does not exist.',
  'endpoint_unreachable/refused': 'No server answers at the address of {store}.',
  'endpoint_unreachable/timeout': '{store} did not answer in time.',
  'endpoint_unreachable/tls': 'No trusted TLS connection to {store} could be made ({code}).',
  'endpoint_unreachable/not_the_service': 'This address answers but is not {service}.',
  'endpoint_unreachable/disk_fault': 'The disk that holds the bucket cannot be used.',

  clock_skew: 'The clock of this server and the clock of {store} are too far apart.',

  storage_rate_limited: '{store} asks for fewer requests.',
  'storage_rate_limited/service_trouble': '{store} could not serve the request just now.',

  quota_or_billing: '{store} refused because of a quota, a spending limit or the state of the account.',
  'quota_or_billing/disk_full': 'The disk that holds the bucket is full.',

  conflict: 'The object exists already or has changed meanwhile.',
  'conflict/try_again': 'Another request is writing the same object.',

  integrity: 'The bytes that arrived are not the bytes that were sent.',
  'integrity/bad_parts': 'The parts of the upload do not fit together.',
  'integrity/our_mistake': '{store} refused a checksum header that Stowage sent.',

  aborted: 'The call was aborted.',

  provider_error: '{store} answered with an error that Stowage does not know ({code}).',
  'provider_error/bad_object_name': '{store} does not allow this object name.',
  'provider_error/bad_range': 'The asked range lies outside of the object.',
  'provider_error/not_supported': '{store} does not support this kind of request.',
};

export const HINTS: Readonly<Record<string, string>> = {
  invalid_credentials: 'Copy {Fields} again from {keyPlace}, without spaces or line breaks.',
  'invalid_credentials/key_or_permission':
    'Check {Fields}, and that the key has the permission to {action}: this answer fits both.',

  bucket_not_found: 'Create the bucket, or correct bucket_name.',
  'bucket_not_found/backblaze_b2':
    "Correct bucket_name or region: a bucket answers only at its own region's endpoint, e.g. s3.us-west-004.backblazeb2.com.",
  'bucket_not_found/cloudflare_r2':
    'Correct bucket_name; a bucket with a jurisdiction (eu, fedramp) needs jurisdiction set to it.',
  'bucket_not_found/digitalocean_spaces':
    "Correct bucket_name or region: a Space answers only at its own region's endpoint, e.g. nyc3.digitaloceanspaces.com.",
  'bucket_not_found/s3_compatible': 'Correct bucket_name or endpoint, or set path_style to true.',
  'bucket_not_found/azure_blob': 'Create the container in this storage account, or correct its name.',
  'bucket_not_found/local_disk': 'Create the folder, or correct bucket_name.',
  'bucket_not_found/bad_bucket_name': 'Correct the spelling of bucket_name.',
  'bucket_not_found/bucket_going': 'Wait until it is gone and create it again, or use another container.',

  object_not_found: 'Check the name; somebody may have deleted the object in the bucket.',
  'object_not_found/upload_gone': 'Start the upload again; a lifecycle rule may have ended it.',

  access_denied: 'Grant {permission} on bucket {bucket} to this key.',
  'access_denied/aws_s3': 'Grant {permission} on {resource} to the owner of this access key.',
  'access_denied/s3_compatible': 'Grant {permission} on {resource} to the owner of this access key.',
  'access_denied/backblaze_b2':
    'Create an application key for bucket {bucket} with the capability {permission}.',
  'access_denied/cloudflare_r2':
    'Give the R2 API token the permission "{permission}" on bucket {bucket}; a new token can take up to a minute to work.',
  'access_denied/digitalocean_spaces':
    'Give the Spaces access key the permission {permission} on bucket {bucket}.',
  'access_denied/google_gcs':
    'Grant {permission} on bucket {bucket} to the service account, e.g. by the role Storage Object Admin.',
  'access_denied/azure_blob':
    "Allow {permission} on container {bucket}, and this server's address in the network rules of the account.",
  'access_denied/local_disk': 'Let the user that runs Stowage {permission} the folder of bucket {bucket}.',
  'access_denied/locked_object':
    'Wait until the Object Lock, retention policy or legal hold on the object ends, or lift it at the provider.',
  'access_denied/kms':
    'Grant kms:GenerateDataKey and kms:Decrypt on the KMS key of bucket {bucket} to this key.',

  wrong_region: 'Set region and endpoint to those that the provider shows for bucket {bucket}.',
  'wrong_region/known_region': 'Set region to {region}.',
  'wrong_region/cloudflare_r2': 'Set region to auto and jurisdiction to that of bucket {bucket}.',

  endpoint_unreachable: 'It is retried; if it stays, look for a proxy or firewall that cuts connections.',
  'endpoint_unreachable/dns': 'Check region and the DNS of this server.',
  'endpoint_unreachable/dns/s3_compatible': 'Check the host name in endpoint and the DNS of this server.',
  'endpoint_unreachable/account_dns': 'Check account_id: it is part of the host name.',
  'endpoint_unreachable/account_dns/azure_blob':
    'Check the storage account name: it is part of the host name.',
  'endpoint_unreachable/refused': 'Check host and port, and that a firewall lets this server out.',
  'endpoint_unreachable/timeout': 'It is retried; if it stays, check that a firewall lets this server out.',
  'endpoint_unreachable/tls':
    'Check scheme and port, and that the certificate is valid for this host and signed by a trusted authority.',
  'endpoint_unreachable/not_the_service':
    'Check the endpoint: this address answers but is not {service} (a web page, a console port or a proxy).',
  'endpoint_unreachable/disk_fault': 'Check the file system: it is read-only or failing, see the kernel log.',

  clock_skew: 'Set the clock of this server by NTP, e.g. `timedatectl set-ntp true`, and try again.',

  storage_rate_limited:
    'It is retried with growing pauses; if it stays, lower the number of parallel transfers.',
  'storage_rate_limited/service_trouble':
    'It is retried with growing pauses; see the status page of {store}.',

  quota_or_billing: 'Check quota and billing of the account at {store}.',
  'quota_or_billing/aws_s3': 'Open Billing in the AWS console: the account is not active for S3.',
  'quota_or_billing/backblaze_b2': 'Raise the cap under Caps & Alerts in the B2 console.',
  'quota_or_billing/cloudflare_r2': 'Enable R2 for this account in the Cloudflare dashboard.',
  'quota_or_billing/google_gcs': 'Enable billing for the project that owns bucket {bucket}.',
  'quota_or_billing/azure_blob': 'Re-enable the subscription (credit or spending limit) in the Azure portal.',
  'quota_or_billing/disk_full': 'Free space on the disk that holds the bucket folder.',

  conflict: 'Use another name, or read what is there.',
  'conflict/try_again': 'Nothing to repair: it is tried again.',

  integrity: 'It is sent once more; if it stays, suspect a proxy or the network in between.',
  'integrity/bad_parts': 'Start the upload again: parts are missing, out of order or of the wrong size.',
  'integrity/our_mistake': 'Report this as a fault of Stowage; your settings are not the reason.',

  aborted: 'Nothing to repair: the caller ended the call.',

  provider_error: 'Look {code} up in the documentation of {store}; the request id helps its support.',
  'provider_error/bad_object_name': 'Use a shorter name without unusual characters.',
  'provider_error/bad_range': 'Ask for bytes that the object has.',
  'provider_error/not_supported':
    'Run the connection test again, so that Stowage learns what this bucket can do.',
};

interface StoreWords {
  readonly label: string;
  /** For "this address is not ...". */
  readonly service: string;
  /** Settings that hold the credential: what names it first, what proves it last. */
  readonly fields: readonly string[];
  readonly keyPlace: string;
}

const S3_FIELDS = ['access_key_id', 'secret_access_key'];

export const STORES: Readonly<Record<ProviderName, StoreWords>> = {
  aws_s3: {
    label: 'AWS S3',
    service: 'an S3 service',
    fields: S3_FIELDS,
    keyPlace: 'the IAM console (Users, Security credentials)',
  },
  backblaze_b2: {
    label: 'Backblaze B2',
    service: 'an S3 service',
    fields: ['key_id', 'application_key'],
    keyPlace: 'Application Keys in the B2 console (the master key does not work here)',
  },
  cloudflare_r2: {
    label: 'Cloudflare R2',
    service: 'an S3 service',
    fields: S3_FIELDS,
    keyPlace:
      'R2, Manage API tokens in the Cloudflare dashboard (a new token can take up to a minute to work)',
  },
  digitalocean_spaces: {
    label: 'DigitalOcean Spaces',
    service: 'an S3 service',
    fields: S3_FIELDS,
    keyPlace: 'Spaces Object Storage, Access Keys in the control panel',
  },
  s3_compatible: {
    label: 'The S3 service',
    service: 'an S3 service',
    fields: S3_FIELDS,
    keyPlace: 'the console of the service',
  },
  google_gcs: {
    label: 'Google Cloud Storage',
    service: 'Google Cloud Storage',
    fields: ['service_account_json'],
    keyPlace: 'IAM & Admin, Service Accounts, Keys in the Google Cloud console',
  },
  azure_blob: {
    label: 'Azure Blob Storage',
    service: 'Azure Blob Storage',
    fields: ['account_name', 'account_key'],
    keyPlace: 'the storage account, Access keys, in the Azure portal',
  },
  local_disk: {
    label: 'The local disk',
    service: 'a folder',
    fields: ['bucket_name'],
    keyPlace: 'the server',
  },
};
