import { invalidTags } from './file-errors.js';

export const MAX_TAGS = 50;
export const MAX_TAG_CHARS = 64;

/**
 * The tags of a file as they are stored: each once, in the order of their code points, so that equal sets are equal.
 * A comma cannot be in a tag, because queries separate tags by it.
 * @throws FilesError `invalid_tags`
 */
export function cleanTags(tags: readonly string[]): string[] {
  const cleaned = [...new Set(tags.map((tag) => tag.trim()))].sort(byCodePoints);
  if (cleaned.length > MAX_TAGS) throw invalidTags(`a file has at most ${MAX_TAGS}.`);
  for (const tag of cleaned) assertTag(tag);
  return cleaned;
}

/** Tags as queries and form fields carry them, separated by commas. */
export function tagsOfText(text: string): string[] {
  return cleanTags(text.split(',').filter((tag) => tag.trim() !== ''));
}

/** The tags of a column as PostgreSQL prints an array of texts: `{red,"dark blue"}`. */
export function tagsOfArray(text: string): string[] {
  if (text === '{}') return [];
  return Array.from(text.matchAll(ARRAY_ITEM), ([, quoted, plain]) =>
    quoted === undefined ? plain! : quoted.replace(/\\(.)/gu, '$1'),
  );
}

const ARRAY_ITEM = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)/gu;

function assertTag(tag: string): void {
  if (tag === '') throw invalidTags('one is empty.');
  if ([...tag].length > MAX_TAG_CHARS) throw invalidTags(`one is longer than ${MAX_TAG_CHARS} characters.`);
  if (/[\p{Cc},]/u.test(tag)) throw invalidTags('one contains a comma or a control character.');
  if (!tag.isWellFormed()) throw invalidTags('one is not valid Unicode.');
}

function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
