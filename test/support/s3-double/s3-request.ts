import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { S3Fault } from './s3-fault.js';

/** A request taken apart without judging it. Paths are never normalised: `a/../b` is a key like any other. */
export interface S3Request {
  readonly method: string;
  /** Path as sent, without the query. */
  readonly rawPath: string;
  readonly rawQuery: string;
  /** Decoded parameters in the order sent. */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>;
  /** Lower-case names; repeated headers joined by a comma, as the signature sees them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bucket: string;
  readonly key: string;
  readonly message: IncomingMessage;
}

/**
 * @param baseHosts names whose sub-domains are buckets (virtual-host style); any other host is path style
 * @throws S3Fault InvalidURI when the path is not percent-encoded UTF-8
 */
export function readRequest(message: IncomingMessage, baseHosts: readonly string[]): S3Request {
  const target = message.url ?? '/';
  const mark = target.indexOf('?');
  const rawPath = mark === -1 ? target : target.slice(0, mark);
  const rawQuery = mark === -1 ? '' : target.slice(mark + 1);
  const headers = joinHeaders(message.rawHeaders);
  const path = decode(rawPath).slice(1);
  const hostBucket = bucketOfHost(headers['host'] ?? '', baseHosts);
  const slash = path.indexOf('/');
  const bucket = hostBucket ?? (slash === -1 ? path : path.slice(0, slash));
  const key = hostBucket === undefined ? (slash === -1 ? '' : path.slice(slash + 1)) : path;
  return {
    method: message.method ?? 'GET',
    rawPath,
    rawQuery,
    parameters: readQuery(rawQuery),
    headers,
    bucket,
    key,
    message,
  };
}

/** The first value of a query parameter; undefined when it is absent, empty for `?name`. */
export function parameter(request: S3Request, name: string): string | undefined {
  return request.parameters.find(([candidate]) => candidate === name)?.[1];
}

function bucketOfHost(host: string, baseHosts: readonly string[]): string | undefined {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (isIP(name) || name.startsWith('[')) return undefined;
  // The longest base wins, so that `s3.localhost` is an endpoint and not the bucket `s3` of `localhost`.
  const base = [...baseHosts]
    .sort((left, right) => right.length - left.length)
    .find((candidate) => name === candidate || name.endsWith(`.${candidate}`));
  return base === undefined || name === base ? undefined : name.slice(0, -base.length - 1);
}

function readQuery(rawQuery: string): Array<readonly [string, string]> {
  if (rawQuery === '') return [];
  return rawQuery.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? pair : pair.slice(0, equals);
    const value = equals === -1 ? '' : pair.slice(equals + 1);
    return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))] as const;
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Fault('InvalidURI');
  }
}

function joinHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const joined: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    // Node reads header bytes as Latin-1; S3 signs and stores them as UTF-8.
    const value = Buffer.from(rawHeaders[index + 1]!, 'latin1')
      .toString('utf8')
      .trim();
    joined[name] = name in joined ? `${joined[name]},${value}` : value;
  }
  return joined;
}
