import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { readRawRequest, type RawRequest } from '../raw-request.js';
import { S3Fault } from './s3-fault.js';

/** A request and what it is about; `bucket` and `key` are empty where it names none. */
export interface S3Request extends RawRequest {
  readonly bucket: string;
  readonly key: string;
}

/**
 * @param baseHosts names whose sub-domains are buckets (virtual-host style); any other host is path style
 * @throws S3Fault InvalidURI when the path is not percent-encoded UTF-8
 */
export function readRequest(message: IncomingMessage, baseHosts: readonly string[]): S3Request {
  try {
    const raw = readRawRequest(message);
    const path = decodeURIComponent(raw.rawPath).slice(1);
    const hostBucket = bucketOfHost(raw.headers['host'] ?? '', baseHosts);
    if (hostBucket !== undefined) return { ...raw, bucket: hostBucket, key: path };
    const slash = path.indexOf('/');
    if (slash === -1) return { ...raw, bucket: path, key: '' };
    return { ...raw, bucket: path.slice(0, slash), key: path.slice(slash + 1) };
  } catch {
    throw new S3Fault('InvalidURI');
  }
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
