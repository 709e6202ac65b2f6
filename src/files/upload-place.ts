import { validationFailed } from '../errors/request-errors.js';
import { invalidFolder, invalidTags } from './file-errors.js';
import { cleanFolder } from './folder-path.js';
import { queryValues } from './query-values.js';
import { cleanTags, tagsOfText } from './tags.js';
import type { FilePlace } from './written-file.js';

/** Where uploaded files go; all files of a request share it. */
export type UploadPlace = Pick<FilePlace, 'folder' | 'tags' | 'overwrite'>;

/** Parameters of the query, and fields of a form, that tell an UploadPlace. */
export const PLACE_FIELDS = ['folder', 'tags', 'overwrite'] as const;
export type PlaceField = (typeof PLACE_FIELDS)[number];

/**
 * The place that the query tells: `?folder=reports/2026/&tags=q3,finance&overwrite=true`.
 * @throws FilesError `invalid_folder`, `invalid_tags`; RequestError `validation_failed`
 */
export function placeOfQuery(url: string): UploadPlace {
  const folders = queryValues(url, 'folder');
  if (folders.length > 1) throw invalidFolder('give it once.');
  if (folders.includes(undefined)) throw invalidFolder('it is not percent-encoded UTF-8.');
  const tags = queryValues(url, 'tags');
  if (tags.includes(undefined)) throw invalidTags('they are not percent-encoded UTF-8.');
  const [overwrite] = queryValues(url, 'overwrite');
  return {
    ...(folders.length > 0 && { folder: cleanFolder(folders[0]!) }),
    ...(tags.length > 0 && { tags: cleanTags(tags.flatMap((text) => tagsOfText(text!))) }),
    ...(overwrite !== undefined && { overwrite: flagOf(overwrite) }),
  };
}

/**
 * The same place with one member as a field of the form tells it.
 * @throws as `placeOfQuery`
 */
export function placeWithField(place: UploadPlace, field: PlaceField, value: string): UploadPlace {
  switch (field) {
    case 'folder':
      return { ...place, folder: cleanFolder(value) };
    case 'tags':
      return { ...place, tags: tagsOfText(value) };
    case 'overwrite':
      return { ...place, overwrite: flagOf(value) };
  }
}

function flagOf(text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false' || text === '') return false;
  throw validationFailed([{ pointer: 'overwrite', detail: 'must be true or false', code: 'is_boolean' }]);
}
