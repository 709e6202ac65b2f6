import { createHash, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { SignedRequest, SignedUrls } from '../../storage-provider.js';
import { percentEncode, xmlPath } from './gcs-paths.js';
import type { ServiceAccount } from './service-account.js';

/** Google refuses V4 signatures that live longer. */
const MAX_EXPIRES_SECONDS = 7 * 24 * 3_600;

export interface GcsSignerOptions {
  readonly account: ServiceAccount;
  readonly bucket: string;
  /** Origin of the XML API. */
  readonly origin: URL;
  readonly now: () => number;
}

/**
 * V4 signed URLs (GOOG4-RSA-SHA256, https://cloud.google.com/storage/docs/access-control/signed-urls) made with the
 * private key, without a call. All headers of a signed PUT are part of the signature: the exact length (by
 * `x-goog-content-length-range`), the MD5 and create-only hold even when the client leaves them out, because the
 * signature is then wrong.
 */
export function gcsSignedUrls(options: GcsSignerOptions): SignedUrls {
  return {
    signGet: (key, { expiresInSeconds, contentDisposition, contentType }) =>
      signUrl(options, {
        method: 'GET',
        key,
        expiresInSeconds,
        headers: {},
        query: {
          ...(contentDisposition !== undefined && { 'response-content-disposition': contentDisposition }),
          ...(contentType !== undefined && { 'response-content-type': contentType }),
        },
      }),
    signPut: (key, { expiresInSeconds, sizeBytes, createOnly, md5 }) =>
      signUrl(options, {
        method: 'PUT',
        key,
        expiresInSeconds,
        headers: {
          ...(md5 !== undefined && { 'content-md5': Buffer.from(md5).toString('base64') }),
          'x-goog-content-length-range': `${sizeBytes},${sizeBytes}`,
          ...(createOnly === true && { 'x-goog-if-generation-match': '0' }),
        },
        query: {},
      }),
    signPart: (key, uploadId, { expiresInSeconds, partNumber, sizeBytes, md5 }) =>
      signUrl(options, {
        method: 'PUT',
        key,
        expiresInSeconds,
        headers: {
          ...(md5 !== undefined && { 'content-md5': Buffer.from(md5).toString('base64') }),
          'x-goog-content-length-range': `${sizeBytes},${sizeBytes}`,
        },
        query: { partNumber: String(partNumber), uploadId },
      }),
  };
}

interface UrlToSign {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  readonly expiresInSeconds: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

const signAsync = promisify(sign);

async function signUrl(options: GcsSignerOptions, request: UrlToSign): Promise<SignedRequest> {
  const { account, bucket, origin, now } = options;
  const expiresInSeconds = Math.min(Math.max(1, Math.floor(request.expiresInSeconds)), MAX_EXPIRES_SECONDS);
  const signedAtMs = Math.floor(now() / 1_000) * 1_000;
  const timestamp = compactTime(signedAtMs);
  const scope = `${timestamp.slice(0, 8)}/auto/storage/goog4_request`;
  const headers = sortedByName({ ...request.headers, host: origin.host });
  const path = xmlPath(bucket, request.key);
  const query = canonicalQuery({
    ...request.query,
    'X-Goog-Algorithm': 'GOOG4-RSA-SHA256',
    'X-Goog-Credential': `${account.clientEmail}/${scope}`,
    'X-Goog-Date': timestamp,
    'X-Goog-Expires': String(expiresInSeconds),
    'X-Goog-SignedHeaders': headers.map(([name]) => name).join(';'),
  });
  const canonicalRequest = [
    request.method,
    path,
    query,
    ...headers.map(([name, value]) => `${name}:${value}`),
    '',
    headers.map(([name]) => name).join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const digest = createHash('sha256').update(canonicalRequest).digest('hex');
  const toSign = ['GOOG4-RSA-SHA256', timestamp, scope, digest].join('\n');
  const signature = await signAsync('RSA-SHA256', Buffer.from(toSign), account.privateKey);
  return {
    method: request.method,
    url: `${origin.origin}${path}?${query}&X-Goog-Signature=${signature.toString('hex')}`,
    headers: request.headers,
    expiresAt: new Date(signedAtMs + expiresInSeconds * 1_000),
  };
}

/** `20261122T063000Z` */
function compactTime(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function sortedByName(values: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

function canonicalQuery(parameters: Readonly<Record<string, string>>): string {
  return sortedByName(parameters)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
}
