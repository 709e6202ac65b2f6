/**
 * Least privilege for Stowage in AWS's policy language; `{bucket}` is replaced. Listing is not limited to the
 * prefix: without it, AWS answers 403 instead of 404 for an absent object, and nobody could tell the two apart.
 */
export const S3_POLICY = JSON.stringify(
  {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'StowageFindsItsObjects',
        Effect: 'Allow',
        Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'],
        Resource: 'arn:aws:s3:::{bucket}',
      },
      {
        Sid: 'StowageKeepsItsObjects',
        Effect: 'Allow',
        Action: [
          's3:GetObject',
          's3:PutObject',
          's3:DeleteObject',
          's3:AbortMultipartUpload',
          's3:ListMultipartUploadParts',
        ],
        Resource: 'arn:aws:s3:::{bucket}/stowage/*',
      },
    ],
  },
  null,
  2,
);
