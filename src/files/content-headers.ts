import { create as contentDisposition } from 'content-disposition';
import type { IncomingHttpHeaders } from 'node:http';
import { assertIfMatch, etagOf, matchesIfNoneMatch } from '../rest/etag.js';
import type { ByteRange } from '../storage-providers/storage-provider.js';
import { byteRange } from './byte-range.js';
import type { FileRecord } from './file-reads.js';
import { downloadName } from './filename.js';
import { isPlayed, servedMediaType } from './media-type.js';
import { type Presentation, present } from './presentation.js';

/** The headers of a request for content that its answer depends on. */
export interface ContentRequest {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

export function contentRequestOf(headers: IncomingHttpHeaders): ContentRequest {
  return {
    range: headers.range,
    ifRange: headers['if-range']?.toString(),
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    ifModifiedSince: headers['if-modified-since'],
  };
}

/** Bytes that can be served, and how. They never change while they have this tag. */
export interface ServedContent {
  readonly sizeBytes: number;
  /** What makes the ETag, without quotes. */
  readonly tag: string;
  readonly modifiedAt: Date;
  /** As the uploader declared it. */
  readonly contentType: string;
  readonly contentDisposition: string;
  /** Absent: `private, no-cache`. */
  readonly cacheControl?: string;
  /** SHA-256 of the whole, 64 hex digits. */
  readonly checksum: string | undefined;
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

/**
 * What lets a browser's own player work besides: it asks for the film once more, from within the page that it makes for
 * it, so that page must be of this origin. It still runs no script.
 */
const PLAYER_PROTECTION = {
  ...CONTENT_PROTECTION,
  'content-security-policy':
    "sandbox allow-same-origin; default-src 'none'; media-src 'self'; frame-ancestors 'none'",
} as const;

export function attachment(filename: string): string {
  return contentDisposition(downloadName(filename));
}

/** A file as it is served. */
export function servedFile(
  file: FileRecord,
  { cacheControl, ...wanted }: Presentation & Pick<ServedContent, 'cacheControl'> = {},
): ServedContent {
  return {
    sizeBytes: file.sizeBytes,
    tag: contentTag(file),
    modifiedAt: file.uploadedAt,
    contentType: file.contentType,
    contentDisposition: present(file, wanted).contentDisposition,
    checksum: file.checksum,
    ...(cacheControl !== undefined && { cacheControl }),
  };
}

/**
 * What makes the ETag of a file's content, without quotes: the checksum, so that equal contents have equal tags; where
 * nobody computed one, the version, whose content never changes.
 */
export function contentTag({
  id,
  version,
  checksum,
}: Pick<FileRecord, 'id' | 'version'> & ContentChecksum): string {
  return checksum ?? `file-${id}-${version}`;
}

interface ContentChecksum {
  readonly checksum?: string | null;
}

/**
 * How a request for content is answered (RFC 9110, 13.2.2: If-Match, then If-None-Match or If-Modified-Since, then
 * Range with If-Range).
 * @throws RequestError `precondition_failed`
 */
export function planContent(content: ServedContent, request: ContentRequest): ContentPlan {
  const { sizeBytes } = content;
  const etag = etagOf(content.tag);
  const modifiedMs = Math.floor(content.modifiedAt.getTime() / 1_000) * 1_000;
  const validators = { etag, 'last-modified': new Date(modifiedMs).toUTCString() };
  assertIfMatch(request.ifMatch, etag);
  if (isUnchanged(request, etag, modifiedMs)) {
    return { status: 304, headers: { ...protecting(content), ...validators, ...caching(content) } };
  }
  const range = isCurrent(request.ifRange, etag, modifiedMs)
    ? byteRange(request.range, sizeBytes)
    : undefined;
  if (range === 'unsatisfiable') return { status: 416, headers: { 'content-range': `bytes */${sizeBytes}` } };
  const headers = { ...describing(content), ...validators };
  if (range === undefined) return { status: 200, headers: { ...headers, 'content-length': sizeBytes } };
  const { start, end } = range;
  const partial = {
    'content-range': `bytes ${start}-${end}/${sizeBytes}`,
    'content-length': end - start + 1,
  };
  return { status: 206, headers: { ...headers, ...partial }, range };
}

function protecting({ contentType, contentDisposition }: ServedContent): Record<string, string> {
  const isInPlayer = contentDisposition.startsWith('inline') && isPlayed(contentType);
  return isInPlayer ? PLAYER_PROTECTION : CONTENT_PROTECTION;
}

/** Private, and asked for again each time: the answer to that is a 304 without a call to the bucket. */
function caching({ cacheControl = 'private, no-cache' }: ServedContent): Record<string, string> {
  return { 'cache-control': cacheControl };
}

function describing(content: ServedContent): Record<string, string> {
  const { contentType, contentDisposition, checksum } = content;
  return {
    ...protecting(content),
    ...caching(content),
    'content-type': servedMediaType(contentType),
    'content-disposition': contentDisposition,
    'accept-ranges': 'bytes',
    ...(checksum !== undefined && reprDigest(checksum)),
  };
}

/** RFC 9530: lets the receiver check the whole by itself. */
function reprDigest(checksum: string): Record<string, string> {
  return { 'repr-digest': `sha-256=:${Buffer.from(checksum, 'hex').toString('base64')}:` };
}

function isUnchanged(request: ContentRequest, etag: string, modifiedMs: number): boolean {
  if (request.ifNoneMatch !== undefined) return matchesIfNoneMatch(request.ifNoneMatch, etag);
  const sinceMs = Date.parse(request.ifModifiedSince ?? '');
  return !Number.isNaN(sinceMs) && modifiedMs <= sinceMs;
}

/** If-Range: a strong ETag or the exact date; anything else asks for the whole. */
function isCurrent(ifRange: string | undefined, etag: string, modifiedMs: number): boolean {
  return ifRange === undefined || ifRange.trim() === etag || Date.parse(ifRange) === modifiedMs;
}
