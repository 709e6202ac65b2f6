import { RequestError } from '../../errors/request-errors.js';
import { assertFilename } from '../filename.js';
import { cleanFolder } from '../folder-path.js';
import { cleanMediaType } from '../media-type.js';
import { tagsOfText } from '../tags.js';

/** What an upload says that it will be. */
export interface AnnouncedFile {
  readonly filename: string;
  readonly contentType: string;
  readonly folder: string;
  readonly tags: readonly string[];
  /** SHA-256 of the whole, 64 hex digits. */
  readonly checksum: string | undefined;
}

/** For uploads that announce no name. */
const NAMELESS = 'upload';
const SHA_256 = /^[0-9a-f]{64}$/i;
const KEY = /^[\x21-\x2b\x2d-\x7e]+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Reads `Upload-Metadata`: `filename` (or `name`), `filetype` (or `type`), `folder`, `tags` separated by commas, and
 * `sha256` in hex. Other keys are kept for the client and mean nothing here.
 * @throws RequestError `bad_request` for a header that breaks the format; FilesError `invalid_filename`,
 *   `invalid_folder`, `invalid_tags`
 */
export function announcedFile(header: string | undefined): AnnouncedFile {
  const values = metadataOf(header ?? '');
  const filename = textOf(values, 'filename') ?? textOf(values, 'name') ?? NAMELESS;
  assertFilename(filename);
  return {
    filename,
    contentType: cleanMediaType(textOf(values, 'filetype') ?? textOf(values, 'type')),
    folder: cleanFolder(textOf(values, 'folder') ?? ''),
    tags: tagsOfText(textOf(values, 'tags') ?? ''),
    checksum: checksumOf(textOf(values, 'sha256')),
  };
}

/** Pairs of a key and a value in base64, separated by commas; a key may stand alone. */
function metadataOf(header: string): ReadonlyMap<string, Buffer> {
  const values = new Map<string, Buffer>();
  if (header.trim() === '') return values;
  for (const pair of header.split(',')) {
    const [key = '', value = '', ...rest] = pair.trim().split(' ');
    if (!KEY.test(key) || rest.length > 0 || !BASE64.test(value)) {
      throw malformed('it must be keys and values in base64, as in "filename bm90ZXMudHh0,folder ZG9jcw==".');
    }
    if (values.has(key)) throw malformed(`the key ${key} is there twice.`);
    values.set(key, Buffer.from(value, 'base64'));
  }
  return values;
}

function textOf(values: ReadonlyMap<string, Buffer>, key: string): string | undefined {
  const bytes = values.get(key);
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(`the value of ${key} is not UTF-8.`);
  }
}

function checksumOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!SHA_256.test(text)) throw malformed('the value of sha256 must be 64 hex digits, as text, in base64.');
  return text.toLowerCase();
}

function malformed(detail: string): RequestError {
  return new RequestError('bad_request', `Upload-Metadata is not valid: ${detail}`);
}
