import { RequestError } from '../errors/request-errors.js';
import { invalidForm } from './file-errors.js';
import { FORM_LIMITS } from './upload-limits.js';

const BOUNDARY = /;\s*boundary=(?:"([^"]*)"|([^\s;"]*))/i;

export function isMultipartForm(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType);
}

/**
 * The boundary that a multipart/form-data Content-Type announces (RFC 2046, 5.1.1).
 * @throws RequestError `unsupported_media_type` for other types, FilesError `invalid_form` without a usable boundary
 */
export function formBoundary(contentType: string | undefined): string {
  if (contentType === undefined || !isMultipartForm(contentType)) {
    throw new RequestError(
      'unsupported_media_type',
      'Send the file as multipart/form-data, in the field "file" (one file) or "files" (many).',
    );
  }
  const match = BOUNDARY.exec(contentType);
  const boundary = match?.[1] ?? match?.[2] ?? '';
  // Printable ASCII is more than RFC 2046 allows and is what clients send.
  if (!/^[\x20-\x7e]+$/.test(boundary) || boundary.length > FORM_LIMITS.boundaryChars) {
    throw invalidForm(
      `its Content-Type must name a boundary of 1 to ${FORM_LIMITS.boundaryChars} characters.`,
    );
  }
  return boundary;
}
