import { applyDecorators } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';

/** OpenAPI schema of an upload form. */
export const FORM_SCHEMA = {
  type: 'object',
  properties: {
    folder: { type: 'string', description: 'Where the files go; before them in the form.' },
    tags: { type: 'string', description: 'Separated by commas; before the files in the form.' },
    overwrite: { type: 'string', enum: ['true', 'false'], description: 'As in the query; before the files.' },
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

/** OpenAPI description of the header that tells a body's digest. */
export const REPR_DIGEST = {
  name: 'Repr-Digest',
  required: false,
  description:
    'SHA-256 of the file (RFC 9530), such as `sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:`.',
} as const;

/** Where an upload goes, as parameters of its query. */
export function PlaceQuery(): MethodDecorator {
  const optional = { required: false, schema: { type: 'string' } } as const;
  return applyDecorators(
    ApiQuery({ name: 'folder', ...optional, example: 'reports/2026/' }),
    ApiQuery({ name: 'tags', ...optional, description: 'Separated by commas.', example: 'finance,q3' }),
    ApiQuery({
      name: 'overwrite',
      required: false,
      schema: { type: 'boolean', default: false },
      description:
        'Makes it a new version of the newest file of the same folder and name, which keeps its tags; without such a file, a new file.',
    }),
  );
}

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
  'invalid_folder',
  'invalid_tags',
  'file_too_large',
  'quota_exceeded',
  'checksum_mismatch',
  'length_required',
  'upload_interrupted',
  'upload_timeout',
  'too_many_uploads',
  ...BUCKET_PROBLEMS,
] as const;
