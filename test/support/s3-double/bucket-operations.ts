import { tag, XML_DECLARATION } from '../xml.js';
import {
  assertAllowed,
  findBucket,
  xmlAnswer,
  XML_NAMESPACE,
  type S3Answer,
  type S3Call,
} from './s3-call.js';
import { S3Fault } from './s3-fault.js';

export async function listBuckets(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:ListAllMyBuckets');
  const buckets = call.store.buckets.map(
    ({ name }) =>
      `<Bucket>${tag('Name', name)}${tag('CreationDate', new Date(call.nowMs).toISOString())}</Bucket>`,
  );
  const owner = `<Owner>${tag('ID', '75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a')}</Owner>`;
  return xmlAnswer(
    `${XML_DECLARATION}<ListAllMyBucketsResult xmlns="${XML_NAMESPACE}">${owner}<Buckets>${buckets.join('')}</Buckets></ListAllMyBucketsResult>`,
  );
}

export async function createBucket(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:CreateBucket');
  const { bucket } = call.request;
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes('..')) {
    throw new S3Fault('InvalidBucketName', { details: { BucketName: bucket } });
  }
  if (call.store.findBucket(bucket))
    throw new S3Fault('BucketAlreadyOwnedByYou', { details: { BucketName: bucket } });
  call.store.addBucket(bucket, call.region);
  return { status: 200, headers: { location: `/${bucket}` } };
}

export async function headBucket(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:ListBucket');
  return { status: 200, headers: { 'x-amz-bucket-region': findBucket(call).region } };
}

export async function deleteBucket(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:DeleteBucket');
  const bucket = findBucket(call);
  if (bucket.objects.size > 0) throw new S3Fault('BucketNotEmpty', { details: { BucketName: bucket.name } });
  call.store.removeBucket(bucket.name);
  return { status: 204 };
}

export async function getBucketLocation(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:GetBucketLocation');
  const { region } = findBucket(call);
  // The oldest region has no name here.
  const text = region === 'us-east-1' ? '' : region;
  return xmlAnswer(
    `${XML_DECLARATION}<LocationConstraint xmlns="${XML_NAMESPACE}">${text}</LocationConstraint>`,
  );
}

export async function getBucketVersioning(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:GetBucketVersioning');
  findBucket(call);
  const status = call.personality.deleteHides ? tag('Status', 'Enabled') : '';
  return xmlAnswer(
    `${XML_DECLARATION}<VersioningConfiguration xmlns="${XML_NAMESPACE}">${status}</VersioningConfiguration>`,
  );
}
