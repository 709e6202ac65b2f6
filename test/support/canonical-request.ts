import { createHash } from 'node:crypto';
import type { RawRequest } from './raw-request.js';

/**
 * The text that a signature covers, as Amazon's SigV4 and Google's V4 define it alike: the path encoded once,
 * parameters sorted by their encoded names, the signed headers with their spaces collapsed.
 * @param signatureParameter left out of the query: it cannot sign itself
 */
export function canonicalRequest(
  request: RawRequest,
  signedHeaders: readonly string[],
  payloadHash: string,
  signatureParameter: string,
): string {
  const query = request.parameters
    .filter(([name]) => name !== signatureParameter)
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

/** `YYYYMMDDTHHMMSSZ` in milliseconds. */
export function parseTimestamp(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return undefined;
  const [year, month, day, ...time] = match.slice(1).map(Number) as [number, number, number, ...number[]];
  return Date.UTC(year, month - 1, day, ...time);
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

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
