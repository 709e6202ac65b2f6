import { StowageError } from '../errors/stowage-error.js';

export type LocalFilesErrorCode =
  /** 403: the operator allows no local files, or not at this path. */
  | 'local_files_not_allowed'
  /** 400 */
  | 'local_file_not_found'
  /** 400: a directory, link, device, … */
  | 'local_file_not_regular'
  /** 400: the server may not or cannot read it. */
  | 'local_file_unreadable'
  /** 409: it changed while it was read. */
  | 'local_file_changing'
  /** 503: the folder that the operator allows is not there. */
  | 'local_folder_unavailable'
  /** 409: the host application's table takes no row from us. */
  | 'local_file_refused'
  /** 409 */
  | 'watched_folder_exists'
  /** 409 */
  | 'too_many_watched_folders';

/** What can go wrong with files of this host; what happens on their way into the bucket has codes of its own. */
export class LocalFilesError extends StowageError<LocalFilesErrorCode> {}

export function notAllowed(detail: string): LocalFilesError {
  return new LocalFilesError('local_files_not_allowed', detail);
}

export function fileNotFound(): LocalFilesError {
  return new LocalFilesError(
    'local_file_not_found',
    'There is no such file on this server. Check its path, and that this server sees it.',
  );
}

export function notRegular(): LocalFilesError {
  return new LocalFilesError(
    'local_file_not_regular',
    'This is no regular file but a folder, a link that was put in its place, a device or a pipe. Name a file.',
  );
}

/** @param code of the system, such as EACCES */
export function unreadable(code: string, cause: unknown): LocalFilesError {
  const detail = `This server cannot read the file (${code}). Let the user that runs it read the file and enter its folders.`;
  return new LocalFilesError('local_file_unreadable', detail, { retryable: true, cause });
}

export function changing(): LocalFilesError {
  return new LocalFilesError(
    'local_file_changing',
    'The file changed while it was read. Nothing was stored; it is read again when it is quiet.',
    { retryable: true },
  );
}

export function folderUnavailable(root: string): LocalFilesError {
  return new LocalFilesError(
    'local_folder_unavailable',
    `The folder ${root} of LOCAL_FILES_ROOTS is not there right now. The operator must mount or make it.`,
    { retryable: true, retryAfterMs: 60_000 },
  );
}

export function isLocalFilesError(error: unknown, ...codes: LocalFilesErrorCode[]): error is LocalFilesError {
  return error instanceof LocalFilesError && (codes.length === 0 || codes.includes(error.code));
}
