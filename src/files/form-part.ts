import { isUtf8 } from 'node:buffer';
import { parse } from 'content-disposition';
import { invalidForm } from './file-errors.js';
import { FORM_LIMITS } from './upload-limits.js';

/** The head of one part. A part with a file name is a file, one without is a field. */
export interface FormPart {
  readonly name: string;
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
}

/**
 * Reads the header lines of a part (RFC 7578), names escaped as browsers do it (WHATWG HTML, "multipart form data").
 * @param block the lines without the empty one that ends them
 * @throws FilesError `invalid_form`
 */
export function parsePartHead(block: Buffer): FormPart {
  if (!isUtf8(block)) throw invalidForm('the header of a part is not UTF-8.');
  const headers = parseLines(block.toString('utf8'));
  const disposition = parse(headers.get('content-disposition') ?? '', { multipart: true });
  const { name, filename } = disposition.parameters;
  if (disposition.type !== 'form-data' || name === undefined) {
    throw invalidForm('a part has no "Content-Disposition: form-data" with a name.');
  }
  assertIdentityEncoding(headers.get('content-transfer-encoding'));
  return { name, filename, contentType: headers.get('content-type') };
}

function parseLines(block: string): Map<string, string> {
  const headers = new Map<string, string>();
  if (block === '') return headers;
  const lines = block.split('\r\n');
  if (lines.length > FORM_LIMITS.partHeaderLines) throw invalidForm('a part has too many header lines.');
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    // Also refuses folded lines, which begin with a blank.
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw invalidForm('a part has a malformed header line.');
    if (headers.has(name)) throw invalidForm(`a part has two ${name} headers.`);
    headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

/** RFC 7578, 4.7: deprecated. To ignore base64 would store something else than the file. */
function assertIdentityEncoding(encoding: string | undefined): void {
  if (encoding !== undefined && !/^(?:binary|8bit|7bit)$/i.test(encoding)) {
    throw invalidForm('Content-Transfer-Encoding is not supported; send the bytes as they are.');
  }
}
