import * as buckets from './bucket-operations.js';
import * as copies from './copy-operations.js';
import * as lists from './list-operations.js';
import * as multipart from './multipart-operations.js';
import * as objects from './object-operations.js';
import type { S3Answer, S3Call } from './s3-call.js';
import { S3Fault } from './s3-fault.js';
import { parameter } from '../raw-request.js';
import type { S3Request } from './s3-request.js';

export interface S3Operation {
  /** As in the S3 API reference. */
  readonly name: string;
  run(call: S3Call): Promise<S3Answer>;
}

/** Sub-resources that exist at S3 but not here; saying so beats mistaking them for the plain call. */
const UNOFFERED = [
  'accelerate', 'acl', 'analytics', 'attributes', 'cors', 'encryption', 'intelligent-tiering', 'inventory',
  'legal-hold', 'lifecycle', 'logging', 'metrics', 'notification', 'object-lock', 'ownershipControls', 'policy',
  'policyStatus', 'publicAccessBlock', 'replication', 'requestPayment', 'restore', 'retention', 'select', 'tagging',
  'torrent', 'website',
]; // prettier-ignore

/** Which call of the S3 API a request is. */
export function operationOf(request: S3Request): S3Operation {
  const unoffered = UNOFFERED.find((name) => parameter(request, name) !== undefined);
  if (unoffered !== undefined)
    return refusal(`${request.method} ?${unoffered}`, new S3Fault('NotImplemented'));
  const found =
    request.bucket === ''
      ? serviceOperation(request)
      : request.key === ''
        ? bucketOperation(request)
        : objectOperation(request);
  return found ?? refusal(`${request.method} unknown`, new S3Fault('MethodNotAllowed'));
}

function serviceOperation(request: S3Request): S3Operation | undefined {
  return request.method === 'GET' ? { name: 'ListBuckets', run: buckets.listBuckets } : undefined;
}

function bucketOperation(request: S3Request): S3Operation | undefined {
  const has = (name: string) => parameter(request, name) !== undefined;
  switch (request.method) {
    case 'PUT':
      return has('versioning') ? undefined : { name: 'CreateBucket', run: buckets.createBucket };
    case 'HEAD':
      return { name: 'HeadBucket', run: buckets.headBucket };
    case 'DELETE':
      return { name: 'DeleteBucket', run: buckets.deleteBucket };
    case 'POST':
      return has('delete') ? { name: 'DeleteObjects', run: objects.deleteObjects } : undefined;
    case 'GET':
      if (has('location')) return { name: 'GetBucketLocation', run: buckets.getBucketLocation };
      if (has('versioning')) return { name: 'GetBucketVersioning', run: buckets.getBucketVersioning };
      if (has('versions')) return { name: 'ListObjectVersions', run: lists.listObjectVersions };
      if (has('uploads')) return { name: 'ListMultipartUploads', run: multipart.listMultipartUploads };
      return parameter(request, 'list-type') === '2'
        ? { name: 'ListObjectsV2', run: lists.listObjectsV2 }
        : { name: 'ListObjects', run: lists.listObjects };
    default:
      return undefined;
  }
}

function objectOperation(request: S3Request): S3Operation | undefined {
  const upload = parameter(request, 'uploadId') !== undefined;
  switch (request.method) {
    case 'PUT':
      if (upload) return partOperation(request);
      return request.headers['x-amz-copy-source'] === undefined
        ? { name: 'PutObject', run: objects.putObject }
        : { name: 'CopyObject', run: copies.copyObject };
    case 'GET':
      return upload
        ? { name: 'ListParts', run: multipart.listParts }
        : { name: 'GetObject', run: objects.getObject };
    case 'HEAD':
      return { name: 'HeadObject', run: objects.getObject };
    case 'DELETE':
      return upload
        ? { name: 'AbortMultipartUpload', run: multipart.abortMultipartUpload }
        : { name: 'DeleteObject', run: objects.deleteObject };
    case 'POST':
      if (upload) return { name: 'CompleteMultipartUpload', run: multipart.completeMultipartUpload };
      if (parameter(request, 'uploads') === undefined) return undefined;
      return { name: 'CreateMultipartUpload', run: multipart.createMultipartUpload };
    default:
      return undefined;
  }
}

function partOperation(request: S3Request): S3Operation {
  if (request.headers['x-amz-copy-source'] !== undefined)
    return { name: 'UploadPartCopy', run: copies.uploadPartCopy };
  return { name: 'UploadPart', run: multipart.uploadPart };
}

function refusal(name: string, fault: S3Fault): S3Operation {
  return {
    name,
    run: async () => {
      throw fault;
    },
  };
}
