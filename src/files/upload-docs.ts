/** OpenAPI schema of an upload form. */
export const FORM_SCHEMA = {
  type: 'object',
  properties: {
    file: {
      type: 'string',
      format: 'binary',
      description: 'One file; the last part of the form.',
    },
    files: {
      type: 'array',
      items: { type: 'string', format: 'binary' },
      description: 'Many files; either all of them are stored or none.',
    },
  },
};

export const BUCKET_PROBLEMS = [
  'invalid_credentials',
  'bucket_not_found',
  'access_denied',
  'wrong_region',
  'endpoint_unreachable',
  'clock_skew',
  'storage_rate_limited',
  'quota_or_billing',
  'integrity',
  'provider_error',
] as const;

/** What an upload may be refused or fail with. */
export const UPLOAD_PROBLEMS = [
  'cloud_not_configured',
  'sealed',
  'credentials_unreadable',
  'unsupported_media_type',
  'no_file_provided',
  'invalid_form',
  'invalid_filename',
  'file_too_large',
  'quota_exceeded',
  'checksum_mismatch',
  'length_required',
  'upload_interrupted',
  'upload_timeout',
  'too_many_uploads',
  ...BUCKET_PROBLEMS,
] as const;
