import { RequestError } from '../../errors/request-errors.js';
import { unsupportedTusVersion } from '../file-errors.js';

/*
 * The headers of tus 1.0.0, https://tus.io/protocols/resumable-upload
 */

export const TUS_VERSION = '1.0.0';
export const TUS_CONTENT_TYPE = 'application/offset+octet-stream';

/** On every answer of the routes, also on refusals and preflights. */
export const TUS_HEADERS: Readonly<Record<string, string>> = {
  'tus-resumable': TUS_VERSION,
  'tus-version': TUS_VERSION,
  'tus-extension': 'creation,creation-with-upload,creation-defer-length,expiration,termination,checksum',
  'tus-checksum-algorithm': 'sha256,sha1,md5,crc32',
};

export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/** @throws FilesError `unsupported_tus_version` */
export function assertTusVersion(headers: HeaderValues): void {
  if (headers['tus-resumable'] !== TUS_VERSION) throw unsupportedTusVersion();
}

/** @throws RequestError `unsupported_media_type` */
export function assertTusBody(headers: HeaderValues): void {
  const encoding = headers['content-encoding'];
  if (headers['content-type'] !== TUS_CONTENT_TYPE) {
    throw new RequestError(
      'unsupported_media_type',
      `The body must have the Content-Type ${TUS_CONTENT_TYPE}.`,
    );
  }
  if (encoding !== undefined && encoding !== 'identity') {
    throw new RequestError(
      'unsupported_media_type',
      'Bodies with a Content-Encoding are not read. Send it without.',
    );
  }
}

/** @throws RequestError `bad_request` when it is absent or no number of bytes */
export function uploadOffsetOf(headers: HeaderValues): number {
  const offset = bytesOf(headers, 'upload-offset');
  if (offset === undefined) throw new RequestError('bad_request', 'The header Upload-Offset is missing.');
  return offset;
}

/** Undefined when it is absent. @throws RequestError `bad_request` */
export function uploadLengthOf(headers: HeaderValues): number | undefined {
  return bytesOf(headers, 'upload-length');
}

/**
 * The length that a creation announces; undefined when it promises to tell it later.
 * @throws RequestError `bad_request` for neither or both
 */
export function announcedLengthOf(headers: HeaderValues): number | undefined {
  const sizeBytes = uploadLengthOf(headers);
  const deferred = headers['upload-defer-length'];
  if (deferred !== undefined && deferred !== '1') {
    throw new RequestError('bad_request', 'Upload-Defer-Length can only be 1.');
  }
  if ((sizeBytes === undefined) === (deferred === undefined)) {
    throw new RequestError('bad_request', 'Send either Upload-Length or Upload-Defer-Length: 1.');
  }
  return sizeBytes;
}

/** 15 digits hold 909 TiB and are exact as a number. */
const BYTES = /^\d{1,15}$/;

function bytesOf(headers: HeaderValues, name: string): number | undefined {
  const value = headers[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && BYTES.test(value)) return Number(value);
  throw new RequestError('bad_request', `The header ${name} must be a number of bytes, in digits.`);
}
