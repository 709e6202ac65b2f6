import type { FilesErrorCode } from '../files/file-errors.js';
import type { ProblemKind } from './problem-kind.js';

export const FILE_PROBLEMS: Readonly<Record<FilesErrorCode, ProblemKind>> = {
  no_file_provided: {
    status: 400,
    title: 'No file provided',
    meaning: 'The form has no file, or one without a name.',
    action: 'Send a multipart form with the file in the field `file`, or several in `files`.',
  },
  invalid_form: {
    status: 400,
    title: 'Invalid form',
    meaning: 'The multipart form breaks its format or has too many or too long fields.',
    action: 'Let a library build the form; the detail says what is wrong with it.',
  },
  invalid_filename: {
    status: 400,
    title: 'Invalid file name',
    meaning: 'The name is empty, too long, or has characters that no file name can have.',
    action: 'Rename the file.',
  },
  invalid_folder: {
    status: 400,
    title: 'Invalid folder',
    meaning: 'The folder has an empty name, `.`, `..`, a control character, or is too long.',
    action: 'Send it as names with a slash after each, such as `photos/2026/`.',
  },
  invalid_tags: {
    status: 400,
    title: 'Invalid tags',
    meaning: 'There are too many tags, or one is empty, too long or has a comma or a control character.',
    action: 'Send at most 50 tags of 1 to 64 characters.',
  },
  file_protected: {
    status: 409,
    title: 'File protected',
    meaning: 'The file is protected against deletion.',
    action: '`PATCH` it with `{"protected": false}` first, if you are sure.',
  },
  version_in_use: {
    status: 409,
    title: 'Version in use',
    meaning: 'The version is the present content of its file.',
    action: 'Delete the file, or restore another version first.',
  },
  file_too_large: {
    status: 413,
    title: 'File too large',
    meaning: 'The file is larger than `max_file_size` of the sync settings, or than the bucket takes.',
    action: 'Raise `max_file_size` with `PUT /api/v1/settings/sync`, or send a smaller file.',
  },
  quota_exceeded: {
    status: 413,
    title: 'Quota exceeded',
    meaning: 'The files of this user, with kept versions and the trash, would take more than its quota.',
    action: 'Delete files for good (`?permanently=true`), or ask an administrator for a larger quota.',
  },
  length_required: {
    status: 411,
    title: 'Length required',
    meaning: 'A large body came without its length, and this bucket has no multipart uploads.',
    action: 'Send a `Content-Length`; in a form put the file last.',
  },
  upload_interrupted: {
    status: 400,
    title: 'Upload interrupted',
    meaning: 'The connection ended before the last byte of the file. Nothing was kept.',
    action: 'Send it again.',
  },
  upload_timeout: {
    status: 408,
    title: 'Upload too slow',
    meaning: 'The client stood still or dripped for too long. Nothing was kept.',
    action: 'Send it again over a better connection.',
  },
  too_many_uploads: {
    status: 429,
    title: 'Too many uploads',
    meaning:
      'More uploads of this user run and wait than the server admits, or 2,000 direct and resumable ones are under way.',
    action:
      'Wait as many seconds as `Retry-After` says, and send fewer at once; give up uploads that nobody goes on with.',
  },
  checksum_mismatch: {
    status: 400,
    title: 'Checksum mismatch',
    meaning: 'The content that arrived is not what its digest header says. Nothing was kept.',
    action: 'Send it again; if it fails again, check how the digest is computed.',
  },
  upload_incomplete: {
    status: 409,
    title: 'Upload incomplete',
    meaning: 'The bucket does not hold all parts of the direct upload, or other ones than were announced.',
    action: 'Send the parts that the detail names, with new URLs if need be, then complete the upload again.',
  },
  unsupported_tus_version: {
    status: 412,
    title: 'Unsupported tus version',
    meaning: 'The request lacks `Tus-Resumable: 1.0.0`, the one version of the protocol that is spoken here.',
    action: 'Use a client for tus 1.0.0.',
  },
  upload_offset_mismatch: {
    status: 409,
    title: 'Other upload offset',
    meaning: '`Upload-Offset` is not where the upload goes on. Nothing of the request was kept.',
    action: 'Ask for the offset with `HEAD`, then go on from there.',
  },
  upload_locked: {
    status: 423,
    title: 'Upload locked',
    meaning: 'Another request writes or ends this upload. What arrived is kept.',
    action: 'Wait a moment, then ask for the upload and go on from there.',
  },
  upload_gone: {
    status: 410,
    title: 'Upload gone',
    meaning: 'The upload was completed, given up, or has expired because nothing happened for a day.',
    action: 'Begin a new upload; if this one is a file already, look at `file_id` of the upload.',
  },
  upload_checksum_mismatch: {
    status: 460,
    title: 'Checksum mismatch',
    meaning: 'The body is not what its `Upload-Checksum` says. Nothing of the request was kept.',
    action: 'Send the same bytes again, from the same offset.',
  },
  file_damaged: {
    status: 502,
    title: 'File damaged',
    meaning: 'The object in the bucket is not what was uploaded: it was changed there.',
    action: 'Restore the object from a copy or upload the file again.',
  },
  files_missing: {
    status: 409,
    title: 'Files missing',
    meaning: 'The bucket does not have the content of files that are wanted in an archive.',
    action: 'List them with `GET /api/v1/files?missing=true`; restore their objects or delete them.',
  },
  zip_too_large: {
    status: 413,
    title: 'ZIP too large',
    meaning: 'The folder holds more files than go into one archive.',
    action: 'Download its subfolders one by one.',
  },
  too_many_searches: {
    status: 429,
    title: 'Too many searches',
    meaning: 'More searches, counts and lists of folders of this user run and wait than the server admits.',
    action: 'Wait as many seconds as `Retry-After` says, and ask for fewer at once.',
  },
  too_many_zips: {
    status: 429,
    title: 'Too many archives',
    meaning: 'The user downloads more archives than this server makes for one user at the same time.',
    action: 'Wait until one has ended.',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'Range not satisfiable',
    meaning: 'The file has none of the bytes that the `Range` header asks for.',
    action: 'Ask for a range within the size of the file.',
  },
  signed_url_invalid: {
    status: 403,
    title: 'Signed URL invalid',
    meaning: 'The URL was not signed by this server, or for another method, object or length.',
    action: 'Ask for a new URL and use it exactly as it was given.',
  },
  signed_url_expired: {
    status: 403,
    title: 'Signed URL expired',
    meaning: 'The time for which the URL was signed has passed.',
    action: 'Ask for a new URL.',
  },
  share_not_found: {
    status: 404,
    title: 'Share not found',
    meaning:
      'The link is unknown, was revoked, is over or used up, or its file is in the trash or gone: all look alike.',
    action: 'Ask whoever gave you the link for another one.',
  },
  reconcile_required: {
    status: 409,
    title: 'Reconcile first',
    meaning:
      'The database does not know everything that the bucket has seen: an older dump was restored, or another installation works there. Nothing is deleted in this bucket.',
    action:
      'Compare both with `POST /api/v1/files/reconcile`; then adopt the bucket, or restore the newer database.',
  },
  plan_changed: {
    status: 409,
    title: 'Plan changed',
    meaning:
      'What was confirmed is not what would be done now: files or settings changed since it was shown.',
    action: 'Look at the plan again and confirm that one.',
  },
};
