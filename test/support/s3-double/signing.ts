import { createHash, createHmac } from 'node:crypto';
import { sha256Hex } from '../canonical-request.js';

/** Where a signature is valid: `<date>/<region>/s3/aws4_request`. */
export interface SigningScope {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export const EMPTY_SHA256 = createHash('sha256').digest('hex');

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

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
