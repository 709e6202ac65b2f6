import { create as contentDisposition } from 'content-disposition';
import { validationFailed } from '../errors/request-errors.js';
import { assertFilename, downloadName } from './filename.js';
import { isShown } from './media-type.js';
import { queryValues } from './query-values.js';

/** What browsers shall do with a content: save it, or show it. */
export const DISPOSITIONS = ['attachment', 'inline'] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

/** What somebody wants a content to be when it arrives. */
export interface Presentation {
  readonly disposition?: Disposition;
  /** Instead of the file's own name. */
  readonly filename?: string;
}

/** What it is. */
export interface Presented {
  readonly disposition: Disposition;
  readonly filename: string;
  /** The header that says both. */
  readonly contentDisposition: string;
}

interface Content {
  readonly filename: string;
  /** As the uploader declared it. */
  readonly contentType: string;
}

/** Shown is only what asks for it and cannot run; everything else is saved. */
export function present(content: Content, wanted: Presentation = {}): Presented {
  const { disposition: asked = 'attachment', filename = content.filename } = wanted;
  const disposition = asked === 'inline' && isShown(content.contentType) ? 'inline' : 'attachment';
  const header = contentDisposition(downloadName(filename), { type: disposition });
  return { disposition, filename, contentDisposition: header };
}

/**
 * Reads `disposition` and `filename` of a URL, which content is asked for with.
 * @param url path and query of the request
 * @throws RequestError `validation_failed`, FilesError `invalid_filename`
 */
export function presentationOfQuery(url: string): Presentation {
  if (!url.includes('?')) return {};
  const disposition = dispositionOf(queryValues(url, 'disposition'));
  const filename = filenameOf(queryValues(url, 'filename'));
  return { ...(disposition !== undefined && { disposition }), ...(filename !== undefined && { filename }) };
}

/** The query that `presentationOfQuery` reads, with its question mark; empty when nothing is wanted. */
export function queryOfPresentation({ disposition, filename }: Presentation): string {
  const query = new URLSearchParams({
    ...(disposition !== undefined && { disposition }),
    ...(filename !== undefined && { filename }),
  });
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function dispositionOf(values: readonly (string | undefined)[]): Disposition | undefined {
  const known = DISPOSITIONS.find((disposition) => disposition === values[0]);
  if (values.length > 1 || (values.length === 1 && known === undefined)) throw unknownDisposition();
  return known;
}

function filenameOf(values: readonly (string | undefined)[]): string | undefined {
  if (values.length === 0) return undefined;
  // What cannot be decoded, or stands there twice, is no name.
  const name = values.length === 1 ? (values[0] ?? '') : '';
  assertFilename(name);
  return name;
}

function unknownDisposition() {
  const detail = `must be one of ${DISPOSITIONS.join(', ')}, given once`;
  return validationFailed([{ pointer: 'disposition', detail, code: 'is_in' }]);
}
