import { randomBytes } from 'node:crypto';

export type S3Action =
  | 's3:AbortMultipartUpload'
  | 's3:CreateBucket'
  | 's3:DeleteBucket'
  | 's3:DeleteObject'
  | 's3:DeleteObjectVersion'
  | 's3:GetBucketLocation'
  | 's3:GetBucketVersioning'
  | 's3:GetObject'
  | 's3:ListAllMyBuckets'
  | 's3:ListBucket'
  | 's3:ListBucketMultipartUploads'
  | 's3:ListBucketVersions'
  | 's3:ListMultipartUploadParts'
  | 's3:PutObject';

/** An access key and what it may do. */
export interface S3User {
  readonly name: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary credentials: the request must carry exactly this token. */
  readonly sessionToken?: string;
  /** Everything when absent. */
  readonly allow?: readonly S3Action[];
  readonly deny?: readonly S3Action[];
  readonly suspended?: boolean;
}

/** Keys as real buckets have them: one that may do all, and ones that each miss something. */
export type StandardUsers = ReturnType<typeof standardUsers>;

export function standardUsers() {
  return {
    full: newUser('full'),
    readOnly: newUser('read-only', {
      allow: ['s3:GetObject', 's3:ListBucket', 's3:GetBucketLocation', 's3:ListAllMyBuckets'],
    }),
    writeOnly: newUser('write-only', { allow: ['s3:PutObject', 's3:AbortMultipartUpload'] }),
    noDelete: newUser('no-delete', { deny: ['s3:DeleteObject', 's3:DeleteObjectVersion'] }),
    noList: newUser('no-list', {
      deny: ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'],
    }),
    noGet: newUser('no-get', { deny: ['s3:GetObject'] }),
    noMultipart: newUser('no-multipart', {
      deny: ['s3:AbortMultipartUpload', 's3:ListBucketMultipartUploads', 's3:ListMultipartUploadParts'],
    }),
    suspended: newUser('suspended', { suspended: true }),
  };
}

export function newUser(name: string, limits: Partial<S3User> = {}): S3User {
  return {
    name,
    accessKeyId: `AKIA${randomBytes(10).toString('hex').slice(0, 16).toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64'),
    ...limits,
  };
}

export function isAllowed(user: S3User, action: S3Action): boolean {
  if (user.deny?.includes(action)) return false;
  return user.allow === undefined || user.allow.includes(action);
}
