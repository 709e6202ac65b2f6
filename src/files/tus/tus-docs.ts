import type { ApiHeaderOptions } from '@nestjs/swagger';
import { UPLOAD_PROBLEMS } from '../upload-docs.js';

/** What any request of the protocol may be refused with. */
export const TUS_PROBLEMS = ['unsupported_tus_version', 'upload_gone', 'upload_locked'] as const;

/** What one that brings bytes may be refused or fail with. */
export const TUS_BODY_PROBLEMS = [
  ...TUS_PROBLEMS,
  ...UPLOAD_PROBLEMS.filter((code) => code !== 'no_file_provided' && code !== 'invalid_form'),
  'file_damaged',
  'upload_checksum_mismatch',
] as const;

export const TUS_RESUMABLE: ApiHeaderOptions = {
  name: 'Tus-Resumable',
  required: true,
  description: 'The version of the protocol.',
  schema: { type: 'string', enum: ['1.0.0'] },
};

const text = (description: string) => ({ description, schema: { type: 'string' as const } });
const bytes = (description: string) => ({ description, schema: { type: 'integer' as const, minimum: 0 } });

/** Of an answer that tells how far an upload is. */
export const PROGRESS_HEADERS = {
  'Upload-Offset': bytes('How many bytes the upload has; the next request begins there.'),
  'Upload-Expires': text('When it is given up if nothing comes; an HTTP date.'),
  'Stowage-File-Id': text('The file that the upload has become, once it is whole.'),
  'Stowage-File-Location': text('Path of that file.'),
};

export const LOOK_HEADERS = {
  ...PROGRESS_HEADERS,
  'Upload-Length': bytes('The length of the whole, once it is known.'),
  'Upload-Defer-Length': text('1 as long as the length is not known.'),
  'Upload-Metadata': text('As it was sent.'),
};
