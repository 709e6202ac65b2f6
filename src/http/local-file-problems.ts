import type { LocalFilesErrorCode } from '../local-files/local-files-error.js';
import type { ProblemKind } from './problem-kind.js';

/** What can be wrong with files of the server's own machine. */
export const LOCAL_FILE_PROBLEMS: Readonly<Record<LocalFilesErrorCode, ProblemKind>> = {
  local_files_not_allowed: {
    status: 403,
    title: 'Local files not allowed',
    meaning: "The operator allows no files of the server's machine, or none at this path.",
    action: 'Choose a path that the detail names, or ask the operator to list one in `LOCAL_FILES_ROOTS`.',
  },
  local_file_not_found: {
    status: 400,
    title: 'Local file not found',
    meaning: 'There is no file at this path on the server.',
    action: 'Check the path, and that this server sees it.',
  },
  local_file_not_regular: {
    status: 400,
    title: 'Not a regular file',
    meaning: 'The path names a folder, a device, a pipe, or a link that was put there meanwhile.',
    action: 'Name a file; for all files of a folder use `POST /api/v1/watched-folders`.',
  },
  local_file_unreadable: {
    status: 400,
    title: 'Local file unreadable',
    meaning: 'The user that runs the server may not read the file, or its disk fails.',
    action: "Let the server's user read the file and enter its folders.",
  },
  local_file_changing: {
    status: 409,
    title: 'Local file changing',
    meaning: 'The file changed while it was read; nothing of it was stored.',
    action: 'Nothing, it is tried again; stop writing to a file that shall be uploaded.',
  },
  local_folder_unavailable: {
    status: 503,
    title: 'Local folder unavailable',
    meaning: 'A folder of `LOCAL_FILES_ROOTS` is not there right now, so nobody knows about its files.',
    action: 'The operator mounts or makes it; then everything goes on by itself.',
  },
  local_file_refused: {
    status: 409,
    title: 'Local file refused',
    meaning: "The table `pixe_files` is the host application's own and does not take a row from Stowage.",
    action: 'Let the application write the row itself, or give its further columns defaults.',
  },
  watched_folder_exists: {
    status: 409,
    title: 'Watched folder exists',
    meaning: 'This folder is watched for you already.',
    action: 'Change the watched folder that there is.',
  },
  too_many_watched_folders: {
    status: 409,
    title: 'Too many watched folders',
    meaning: 'You have as many watched folders as one user may have.',
    action: 'Delete one, or watch a folder above several of them.',
  },
};
