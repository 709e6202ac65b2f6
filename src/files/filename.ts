import { invalidFilename } from './file-errors.js';
import { queryValues } from './query-values.js';
import { MAX_FILENAME_CHARS } from './upload-limits.js';

/**
 * Accepts a name that can be kept and given back byte for byte. A name is data and never becomes a path or part of
 * an object key, so `../x`, `C:\x`, `a/b` and `.htaccess` are names like any other.
 * @throws FilesError `invalid_filename`
 */
export function assertFilename(name: string): void {
  if (name === '') throw invalidFilename('it is empty.');
  if (name.length > MAX_FILENAME_CHARS && [...name].length > MAX_FILENAME_CHARS) {
    throw invalidFilename(`it is longer than ${MAX_FILENAME_CHARS} characters.`);
  }
  if (/\p{Cc}/u.test(name)) throw invalidFilename('it contains a control character.');
  if (!name.isWellFormed()) throw invalidFilename('it is not valid Unicode.');
}

/**
 * Reads the name of a raw upload from the request's own URL.
 * @param url path and query of the request
 * @throws FilesError `invalid_filename`
 */
export function filenameOfQuery(url: string): string {
  const values = queryValues(url, 'filename');
  if (values.length !== 1) throw invalidFilename('give it once, as the query parameter filename.');
  const [name] = values;
  if (name === undefined) throw invalidFilename('it is not percent-encoded UTF-8.');
  assertFilename(name);
  return name;
}

/** What a browser should call the download: the last segment of what may look like a path. */
export function downloadName(name: string): string {
  const segment = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
  return /^\.*$/.test(segment) ? 'download' : segment;
}
