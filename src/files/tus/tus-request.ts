import type { Readable } from 'node:stream';
import type { AuthenticatedRequest } from '../../auth/access.decorators.js';
import { type BodyDigest, bodyDigestOf } from './tus-checksum.js';
import {
  announcedLengthOf,
  assertTusBody,
  assertTusVersion,
  uploadLengthOf,
  uploadOffsetOf,
} from './tus-headers.js';
import { type AnnouncedFile, announcedFile } from './tus-metadata.js';

export interface TusCreation {
  readonly userId: number;
  readonly file: AnnouncedFile;
  /** `Upload-Metadata` as it was sent. */
  readonly metadata: string | undefined;
  readonly sizeBytes: number | undefined;
  /** The first bytes of the upload, unread; undefined when the request brings none. */
  readonly body: Readable | undefined;
  /** Of the body; undefined for a chunked one. */
  readonly contentLength: number | undefined;
  readonly bodyDigest: BodyDigest | undefined;
}

export interface TusPatch {
  readonly userId: number;
  readonly id: string;
  readonly offsetBytes: number;
  /** The length of the whole, when it is told with this request. */
  readonly sizeBytes: number | undefined;
  readonly body: Readable;
  readonly contentLength: number | undefined;
  readonly bodyDigest: BodyDigest | undefined;
}

/** @throws RequestError, FilesError for headers that break the protocol */
export function tusCreationOf({ headers, principal, raw }: AuthenticatedRequest): TusCreation {
  assertTusVersion(headers);
  const contentLength = bodyBytesOf(headers);
  if (contentLength !== 0) assertTusBody(headers);
  const metadata = headers['upload-metadata']?.toString();
  return {
    userId: principal.userId,
    file: announcedFile(metadata),
    metadata,
    sizeBytes: announcedLengthOf(headers),
    body: contentLength === 0 ? undefined : raw,
    contentLength,
    bodyDigest: bodyDigestOf(headers['upload-checksum']?.toString()),
  };
}

/** @throws RequestError, FilesError for headers that break the protocol */
export function tusPatchOf({ headers, principal, raw }: AuthenticatedRequest, id: string): TusPatch {
  assertTusVersion(headers);
  assertTusBody(headers);
  return {
    userId: principal.userId,
    id,
    offsetBytes: uploadOffsetOf(headers),
    sizeBytes: uploadLengthOf(headers),
    body: raw,
    contentLength: bodyBytesOf(headers),
    bodyDigest: bodyDigestOf(headers['upload-checksum']?.toString()),
  };
}

/** Undefined for a chunked body. */
function bodyBytesOf(headers: AuthenticatedRequest['headers']): number | undefined {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined;
}
