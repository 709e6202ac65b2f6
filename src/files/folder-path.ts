import { invalidFolder } from './file-errors.js';

/** Longest folder, with all its slashes. */
export const MAX_FOLDER_CHARS = 1_024;

/** Longest name between two slashes. */
export const MAX_FOLDER_NAME_CHARS = 255;

/**
 * Brings a folder into the one form in which it is stored and compared: `''` for the top, otherwise names that each
 * end with a slash, `photos/2026/`. A slash at the begin or a missing one at the end is forgiven. Folders are texts
 * and never paths of a disk; `.` and `..` are refused because people and tools would take them for such.
 * @throws FilesError `invalid_folder`
 */
export function cleanFolder(text: string): string {
  const inner = text.startsWith('/') ? text.slice(1) : text;
  if (inner === '') return '';
  const folder = inner.endsWith('/') ? inner : `${inner}/`;
  assertWhole(folder);
  for (const name of folder.slice(0, -1).split('/')) assertName(name);
  return folder;
}

function assertWhole(folder: string): void {
  if (charsOf(folder) > MAX_FOLDER_CHARS)
    throw invalidFolder(`it is longer than ${MAX_FOLDER_CHARS} characters.`);
  if (/\p{Cc}/u.test(folder)) throw invalidFolder('it contains a control character.');
  if (!folder.isWellFormed()) throw invalidFolder('it is not valid Unicode.');
}

function assertName(name: string): void {
  if (name === '') throw invalidFolder('it has two slashes in a row.');
  if (name === '.' || name === '..') throw invalidFolder(`"${name}" cannot be the name of a folder.`);
  if (charsOf(name) > MAX_FOLDER_NAME_CHARS) {
    throw invalidFolder(`a name in it is longer than ${MAX_FOLDER_NAME_CHARS} characters.`);
  }
}

/** As PostgreSQL counts: code points. */
function charsOf(text: string): number {
  return text.length <= MAX_FOLDER_NAME_CHARS ? text.length : [...text].length;
}
