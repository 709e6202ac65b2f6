import { create as contentDisposition } from 'content-disposition';
import { etagOf, assertIfMatch, matchesIfNoneMatch } from '../rest/etag.js';
import type { ByteRange } from '../storage-providers/storage-provider.js';
import { byteRange } from './byte-range.js';
import type { FileRecord } from './file-reads.js';
import { downloadName } from './filename.js';
import { servedMediaType } from './media-type.js';

/** The headers of a request for content that its answer depends on. */
export interface ContentRequest {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

export interface ContentPlan {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: Readonly<Record<string, string | number>>;
  /** The bytes to send with 206. */
  readonly range?: ByteRange;
}

/** What lets no browser run, frame or sniff bytes that a stranger may have uploaded. */
export const CONTENT_PROTECTION = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
} as const;

export function attachment(filename: string): string {
  return contentDisposition(downloadName(filename));
}

/**
 * How a request for a file's content is answered (RFC 9110, 13.2.2: If-Match, then If-None-Match or
 * If-Modified-Since, then Range with If-Range). The content of a file never changes, so its checksum is its ETag.
 * @throws RequestError `precondition_failed`
 */
export function planContent(file: FileRecord, request: ContentRequest): ContentPlan {
  const etag = etagOf(file.checksum ?? `file-${file.id}`);
  const modified = wholeSeconds(file.uploadedAt);
  const headers = { ...staticHeaders(file), etag, 'last-modified': modified.toUTCString() };
  assertIfMatch(request.ifMatch, etag);
  if (isUnchanged(request, etag, modified)) return { status: 304, headers: without(headers, 'content-type') };
  const range = isCurrent(request.ifRange, etag, modified)
    ? byteRange(request.range, file.sizeBytes)
    : undefined;
  if (range === undefined)
    return { status: 200, headers: { ...headers, 'content-length': file.sizeBytes, ...digest(file) } };
  if (range === 'unsatisfiable')
    return { status: 416, headers: { 'content-range': `bytes */${file.sizeBytes}` } };
  const { start, end } = range;
  const partial = {
    'content-range': `bytes ${start}-${end}/${file.sizeBytes}`,
    'content-length': end - start + 1,
  };
  return { status: 206, headers: { ...headers, ...partial, ...digest(file) }, range };
}

function staticHeaders(file: FileRecord): Record<string, string> {
  return {
    ...CONTENT_PROTECTION,
    'content-type': servedMediaType(file.contentType),
    'content-disposition': attachment(file.filename),
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
  };
}

/** RFC 9530: lets the receiver check the whole file by itself. */
function digest({ checksum }: FileRecord): Record<string, string> {
  if (checksum === undefined) return {};
  return { 'repr-digest': `sha-256=:${Buffer.from(checksum, 'hex').toString('base64')}:` };
}

function isUnchanged(request: ContentRequest, etag: string, modified: Date): boolean {
  if (request.ifNoneMatch !== undefined) return matchesIfNoneMatch(request.ifNoneMatch, etag);
  const since = Date.parse(request.ifModifiedSince ?? '');
  return !Number.isNaN(since) && modified.getTime() <= since;
}

/** If-Range: a strong ETag or the exact date; anything else asks for the whole file. */
function isCurrent(ifRange: string | undefined, etag: string, modified: Date): boolean {
  if (ifRange === undefined) return true;
  return ifRange.trim() === etag || Date.parse(ifRange) === modified.getTime();
}

function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1_000) * 1_000);
}

function without(headers: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}
