import { ApiProperty } from '@nestjs/swagger';
import { IsString, Matches, MaxLength, ValidateIf } from 'class-validator';
import { validationFailed } from '../../errors/request-errors.js';
import { fileIdOf } from '../file-id.js';
import { assertFilename } from '../filename.js';
import { cleanFolder, MAX_FOLDER_CHARS } from '../folder-path.js';
import { MAX_FILENAME_CHARS } from '../upload-limits.js';
import type { ZipSelection } from './zip-selection.js';

const IfGiven = () => ValidateIf((_, value) => value !== undefined);
const MAX_CHOSEN_FILES = 1_000;
/** Ten digits and a comma each. */
const MAX_IDS_CHARS = MAX_CHOSEN_FILES * 11;
const EXTENSION = '.zip';

/** Which files go into an archive: either `folder` or `file_ids`. */
export class ZipQuery {
  /** All files in it and below it; empty for all files. */
  @ApiProperty({ required: false, maxLength: MAX_FOLDER_CHARS, example: 'reports/2026/' })
  @IfGiven()
  @IsString()
  @MaxLength(4 * MAX_FOLDER_CHARS)
  folder?: string;

  /** Up to 1,000 files, separated by commas. */
  @ApiProperty({ required: false, pattern: '^\\d+(,\\d+)*$', maxLength: MAX_IDS_CHARS, example: '4217,4218' })
  @IfGiven()
  @Matches(/^\d{1,10}(?:,\d{1,10})*$/, { message: 'must be ids of files, separated by commas' })
  @MaxLength(MAX_IDS_CHARS)
  file_ids?: string;

  /** What the archive is called; otherwise as the folder is, or `files.zip`. */
  @ApiProperty({ required: false, maxLength: MAX_FILENAME_CHARS, example: 'reports.zip' })
  @IfGiven()
  @IsString()
  @MaxLength(2 * MAX_FILENAME_CHARS)
  filename?: string;
}

/**
 * @throws RequestError `validation_failed` unless it names one folder or files; FilesError `invalid_folder`
 */
export function zipSelectionOf({ folder, file_ids: fileIds }: ZipQuery): ZipSelection {
  if ((folder === undefined) === (fileIds === undefined)) {
    const detail = 'give either a folder or file_ids';
    throw validationFailed([{ pointer: 'folder', detail, code: 'one_of' }]);
  }
  if (folder !== undefined) return { folder: cleanFolder(folder) };
  const ids = fileIds!.split(',');
  if (ids.length > MAX_CHOSEN_FILES) {
    const detail = `must be at most ${MAX_CHOSEN_FILES} files`;
    throw validationFailed([{ pointer: 'file_ids', detail, code: 'max_items' }]);
  }
  return { ids: ids.map((id) => fileIdOf(id)) };
}

/** With its ending, whatever was given. @throws FilesError `invalid_filename` */
export function zipFilenameOf({ filename }: ZipQuery, selection: ZipSelection): string {
  if (filename === undefined) {
    const folder = 'folder' in selection ? selection.folder.split('/').at(-2) : undefined;
    return `${folder ?? 'files'}${EXTENSION}`;
  }
  assertFilename(filename);
  return filename.toLowerCase().endsWith(EXTENSION) ? filename : `${filename}${EXTENSION}`;
}
