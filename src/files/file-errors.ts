import { StowageError } from '../errors/stowage-error.js';

export type FilesErrorCode =
  /** 400: no file in the form, or none with a name. */
  | 'no_file_provided'
  /** 400: the multipart form breaks its format or a limit. */
  | 'invalid_form'
  /** 400 */
  | 'invalid_filename'
  /** 400 */
  | 'invalid_folder'
  /** 400 */
  | 'invalid_tags'
  /** 409: a protected file is neither deleted nor put into the trash. */
  | 'file_protected'
  /** 409: a file's present content is no version that could be deleted on its own. */
  | 'version_in_use'
  /** 413: larger than the user's max_file_size, or than the bucket can take. */
  | 'file_too_large'
  /** 413: the user's files would take more than the administrator allows. */
  | 'quota_exceeded'
  /** 400: the content is not what its declared digest says. */
  | 'checksum_mismatch'
  /** 411: a large body of unknown length for a bucket without multipart uploads. */
  | 'length_required'
  /** 400: the client went away before the last byte. */
  | 'upload_interrupted'
  /** 408: the client stood still or dripped. */
  | 'upload_timeout'
  /** 429: too many of the user's uploads run and wait. */
  | 'too_many_uploads'
  /** 409: a direct upload whose parts are not all in the bucket. */
  | 'upload_incomplete'
  /** 423: somebody else is at this upload. */
  | 'upload_locked'
  /** 410: the upload has ended. */
  | 'upload_gone'
  /** 412: a request to the resumable uploads that does not speak tus 1.0.0. */
  | 'unsupported_tus_version'
  /** 409: the request's first byte is not the one that is missing. */
  | 'upload_offset_mismatch'
  /** 460, as tus has it: the body is not what its Upload-Checksum says. */
  | 'upload_checksum_mismatch'
  /** 502: the object in the bucket is not what was uploaded. */
  | 'file_damaged'
  /** 409: objects of files that are wanted in an archive are not in the bucket. */
  | 'files_missing'
  /** 413: more files than go into one archive. */
  | 'zip_too_large'
  /** 429: more archives of one user than a process makes at the same time. */
  | 'too_many_searches'
  | 'too_many_zips'
  /** 416 */
  | 'range_not_satisfiable'
  /** 403: not signed by this server, or for something else. */
  | 'signed_url_invalid'
  /** 403 */
  | 'signed_url_expired'
  /** 404: unknown, revoked, over, used up, or of a file that is not there: all look alike. */
  | 'share_not_found'
  /** 409: the database is older than the bucket, or another one; nothing is deleted. */
  | 'reconcile_required'
  /** 409: what was confirmed is not what would happen now. */
  | 'plan_changed';

/** What can go wrong with a user's files; failures of the bucket itself are StorageErrors. */
export class FilesError extends StowageError<FilesErrorCode> {}

export function noFileProvided(detail: string): FilesError {
  return new FilesError('no_file_provided', `No file provided. ${detail}`);
}

export function invalidForm(detail: string): FilesError {
  return new FilesError('invalid_form', `The multipart form is not valid: ${detail}`);
}

export function invalidFilename(detail: string): FilesError {
  return new FilesError('invalid_filename', `The file name is not valid: ${detail}`);
}

export function invalidFolder(detail: string): FilesError {
  return new FilesError('invalid_folder', `The folder is not valid: ${detail}`);
}

export function invalidTags(detail: string): FilesError {
  return new FilesError('invalid_tags', `The tags are not valid: ${detail}`);
}

export function fileProtected(): FilesError {
  return new FilesError(
    'file_protected',
    'The file is protected, so it stays. Take the protection back first: PATCH it with {"protected": false}.',
  );
}

export function versionInUse(): FilesError {
  return new FilesError(
    'version_in_use',
    'This version is the present content of the file. Delete the file, or restore another version first.',
  );
}

/** @param limitBytes the user's `max_file_size`, or what the bucket can take when that is less */
export function fileTooLarge(limitBytes: number): FilesError {
  return new FilesError(
    'file_too_large',
    `The file is larger than ${limitBytes} bytes, the most that is accepted. ` +
      'Your own limit is max_file_size of PUT /api/v1/settings/sync.',
  );
}

export function quotaExceeded(quotaBytes: number, usedBytes: number): FilesError {
  return new FilesError(
    'quota_exceeded',
    `Your quota is ${quotaBytes} bytes, and ${usedBytes} of them are used, with kept versions and the trash. ` +
      'Delete files for good, or ask an administrator for a larger quota.',
  );
}

export function lengthRequired(): FilesError {
  return new FilesError(
    'length_required',
    'The length of this file is not known beforehand, and this bucket cannot take a large file of unknown length. ' +
      'Send a Content-Length, and in a form put the file last, in the field "file".',
  );
}

/** The client went away, or broke its promise about the length, before the last byte. */
export function uploadInterrupted(cause?: unknown): FilesError {
  const message = 'The upload was interrupted before its last byte. Nothing was stored; send it again.';
  return new FilesError('upload_interrupted', message, { retryable: true, cause });
}

export function uploadTimeout(): FilesError {
  return new FilesError(
    'upload_timeout',
    'The upload was too slow or stood still for too long. Nothing was stored; send it again.',
    { retryable: true },
  );
}

export function tooManyUploads(): FilesError {
  return new FilesError(
    'too_many_uploads',
    'Too many of your uploads are running or waiting. Wait for some to finish, then try again.',
    { retryable: true, retryAfterMs: 5_000 },
  );
}

/** @param openUploads how many a user may have */
export function tooManyOpenUploads(openUploads: number): FilesError {
  return new FilesError(
    'too_many_uploads',
    `You have ${openUploads} uploads under way. Complete some of them, or give them up with DELETE.`,
  );
}

/** @param details sentences that say what to send */
export function uploadIncomplete(details: readonly string[]): FilesError {
  return new FilesError(
    'upload_incomplete',
    `The upload cannot be completed yet. ${details.join(' ')} Send that again, then complete it.`,
    { retryable: true },
  );
}

/** A direct upload that another request completes or gives up now. */
export function uploadBusy(): FilesError {
  return new FilesError(
    'upload_locked',
    'Another request completes this upload now. Wait a moment, then ask for it.',
    { retryable: true, retryAfterMs: 2_000 },
  );
}

/** A direct upload that nobody can go on with. */
export function uploadEnded(detail = 'Begin a new one.'): FilesError {
  return new FilesError('upload_gone', `This upload was completed, given up or has expired. ${detail}`);
}

export function fileDamaged(): FilesError {
  return new FilesError(
    'file_damaged',
    'The object in the bucket is not what was uploaded: it was changed there. Restore it from a copy.',
  );
}

/** @param ids of the files whose objects are gone */
export function filesMissing(ids: readonly number[]): FilesError {
  const [first, ...more] = ids;
  const which = more.length === 0 ? `file ${first}` : `file ${first} and ${more.length} others`;
  return new FilesError(
    'files_missing',
    `The content of ${which} is not in the bucket any more, so the archive would not be whole. ` +
      'GET /api/v1/files?missing=true names them; restore their objects, or delete them first.',
  );
}

export function zipTooLarge(maxFiles: number): FilesError {
  return new FilesError(
    'zip_too_large',
    `The folder holds more than ${maxFiles} files, the most that go into one archive, or their names are too long ` +
      'together. Download its subfolders one by one.',
  );
}

export function tooManySearches(): FilesError {
  return new FilesError(
    'too_many_searches',
    'Too many of your searches are running or waiting. Wait for some to finish, then try again.',
    { retryable: true, retryAfterMs: 1_000 },
  );
}

/** @param count those under way */
export function tooManyZips(count: number): FilesError {
  return new FilesError(
    'too_many_zips',
    `You have ${count} archives under way, the most that this server gives one user. Wait for one to end.`,
    { retryable: true, retryAfterMs: 5_000 },
  );
}

export function rangeNotSatisfiable(sizeBytes: number): FilesError {
  return new FilesError(
    'range_not_satisfiable',
    `The file has ${sizeBytes} bytes; the asked range has none of them.`,
  );
}

export function checksumMismatch(): FilesError {
  return new FilesError(
    'checksum_mismatch',
    'The content that arrived is not what its digest header says. Nothing was stored; send it again.',
    { retryable: true },
  );
}

/** A promise about the length that the content does not keep. */
export function otherLength(): FilesError {
  return invalidForm(
    'the file is not as long as the Content-Length says. ' +
      'Put the file last, and end the form with its boundary, two dashes and one line break.',
  );
}

export function signedUrlInvalid(): FilesError {
  return new FilesError(
    'signed_url_invalid',
    'This URL was not made by this server for this request. Ask for a new one.',
  );
}

export function signedUrlExpired(): FilesError {
  return new FilesError('signed_url_expired', 'This URL has expired. Ask for a new one.');
}

export function shareNotFound(): FilesError {
  return new FilesError('share_not_found', 'This link leads nowhere, or does not lead anywhere any more.');
}

/** Why rows and bucket do not belong together, as a sentence. */
const DOUBTS = {
  other_installation: 'Another installation of Stowage wrote to the same place in this bucket.',
  other_database: 'This database is a copy: it was restored, cloned or moved.',
  database_behind: 'The bucket has seen a later state of this database: an older one was restored.',
  object_lost: 'The object _meta/epoch is not in the bucket any more.',
  object_unreadable: 'The object _meta/epoch in the bucket holds something that Stowage did not write.',
} as const;

export function reconcileRequired(doubt: keyof typeof DOUBTS): FilesError {
  return new FilesError(
    'reconcile_required',
    `${DOUBTS[doubt]} Nothing is deleted in this bucket until you have compared both with ` +
      'POST /api/v1/files/reconcile and decided.',
  );
}

/** @param detail what it is now, as a sentence */
export function planChanged(detail: string): FilesError {
  return new FilesError(
    'plan_changed',
    `This is not what would happen any more. ${detail} Nothing was done.`,
  );
}

export function unsupportedTusVersion(): FilesError {
  return new FilesError(
    'unsupported_tus_version',
    'Send the header Tus-Resumable: 1.0.0; no other version is spoken here.',
  );
}

/** @param receivedBytes what the upload has, which is where it goes on */
export function uploadOffsetMismatch(receivedBytes: number): FilesError {
  return new FilesError(
    'upload_offset_mismatch',
    `The upload has ${receivedBytes} bytes, so its next byte is at that offset. Ask for it with HEAD, then go on from there.`,
  );
}

export function uploadLocked(): FilesError {
  return new FilesError(
    'upload_locked',
    'Another request writes this upload now. What arrived is kept: ask for the offset with HEAD, then go on from there.',
    { retryable: true, retryAfterMs: 1_000 },
  );
}

export function uploadGone(): FilesError {
  return new FilesError(
    'upload_gone',
    'This upload has ended: it was given up, has expired or has become a file. Begin a new one.',
  );
}

/** Each failed attempt at a part uses a number up. */
export function tooManyParts(): FilesError {
  return new FilesError(
    'upload_gone',
    'This upload failed so often that the bucket takes no more of it. Begin a new one.',
  );
}

export function uploadChecksumMismatch(): FilesError {
  return new FilesError(
    'upload_checksum_mismatch',
    'What arrived is not what Upload-Checksum says. None of it was kept; send it again.',
    { retryable: true },
  );
}

/** As `uploadTimeout`, where what arrived is kept. */
export function resumableUploadTimeout(): FilesError {
  return new FilesError(
    'upload_timeout',
    'The upload was too slow or stood still for too long. What arrived is kept: ask for the offset with HEAD, then go on.',
    { retryable: true },
  );
}
