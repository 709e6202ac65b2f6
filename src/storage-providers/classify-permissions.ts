import type { StorageOperation } from './storage-errors.js';
import type { ProviderName } from './storage-provider.js';

/** The permission that a call needs, in the provider's own words. */
export function permissionFor(provider: ProviderName, operation: StorageOperation): string | undefined {
  return PERMISSIONS[provider][operation];
}

type Permissions = Readonly<Partial<Record<StorageOperation, string>>>;

/** Providers that only tell reading from writing. */
function twoLevels(read: string, write: string, remove = write): Permissions {
  return {
    list: read,
    connect: read,
    list_multipart: read,
    list_parts: read,
    get: read,
    head: read,
    put: write,
    create_multipart: write,
    upload_part: write,
    complete_multipart: write,
    copy: write,
    copy_part: write,
    abort_multipart: write,
    delete: remove,
  };
}

const S3_ACTIONS: Permissions = {
  ...twoLevels('s3:GetObject', 's3:PutObject', 's3:DeleteObject'),
  list: 's3:ListBucket',
  connect: 's3:ListBucket',
  abort_multipart: 's3:AbortMultipartUpload',
  list_multipart: 's3:ListBucketMultipartUploads',
  list_parts: 's3:ListMultipartUploadParts',
};

const AZURE_BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs';

const PERMISSIONS: Readonly<Record<ProviderName, Permissions>> = {
  aws_s3: S3_ACTIONS,
  s3_compatible: S3_ACTIONS,
  backblaze_b2: {
    ...twoLevels('readFiles', 'writeFiles', 'deleteFiles'),
    list: 'listFiles',
    connect: 'listBuckets',
    list_multipart: 'listFiles',
    list_parts: 'writeFiles',
  },
  cloudflare_r2: twoLevels('Object Read', 'Object Read & Write'),
  digitalocean_spaces: twoLevels('Read', 'Read/Write/Delete'),
  google_gcs: {
    ...twoLevels('storage.objects.get', 'storage.objects.create', 'storage.objects.delete'),
    list: 'storage.objects.list',
    connect: 'storage.buckets.get',
    abort_multipart: 'storage.multipartUploads.abort',
    list_multipart: 'storage.multipartUploads.list',
    list_parts: 'storage.multipartUploads.listParts',
  },
  azure_blob: twoLevels(`${AZURE_BLOBS}/read`, `${AZURE_BLOBS}/write`, `${AZURE_BLOBS}/delete`),
  local_disk: twoLevels('read', 'write'),
};
