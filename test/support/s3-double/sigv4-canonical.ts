import { createHash, createHmac } from 'node:crypto';
import type { S3Request } from './s3-request.js';

/** Where a signature is valid: `<date>/<region>/s3/aws4_request`. */
export interface SigningScope {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** AWS Signature Version 4, "Create a canonical request"; S3 encodes the path once. */
export function canonicalRequest(
  request: S3Request,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  const query = request.parameters
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)] as const)
    .sort(([leftName, leftValue], [rightName, rightValue]) =>
      leftName === rightName ? compare(leftValue, rightValue) : compare(leftName, rightName),
    )
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const headers = signedHeaders
    .map((name) => `${name}:${(request.headers[name] ?? '').replace(/ +/g, ' ')}\n`)
    .join('');
  const path = decodeURIComponent(request.rawPath).split('/').map(encodeRfc3986).join('/');
  return [request.method, path, query, headers, signedHeaders.join(';'), payloadHash].join('\n');
}

export function stringToSign(
  algorithm: string,
  timestamp: string,
  scope: SigningScope,
  canonical: string,
): string {
  return [algorithm, timestamp, scopeText(scope), sha256Hex(canonical)].join('\n');
}

export function scopeText(scope: SigningScope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

export function signingKey(secret: string, scope: SigningScope): Buffer {
  const date = hmac(`AWS4${secret}`, scope.date);
  return hmac(hmac(hmac(date, scope.region), scope.service), 'aws4_request');
}

export function hmacHex(key: Buffer, text: string): string {
  return hmac(key, text).toString('hex');
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
