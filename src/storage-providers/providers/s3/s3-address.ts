import { isIP } from 'node:net';
import type { S3Quirks } from './s3-quirks.js';

/** Where the requests for one bucket go. */
export interface S3Address {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly hostname: string;
  /** The `host` header: without the scheme's own port. */
  readonly host: string;
  /** Before the key, without a slash at its end: empty, `/bucket` or `/base/bucket`. */
  readonly basePath: string;
  readonly pathStyle: boolean;
}

/**
 * `endpoint` is the provider's, without the bucket; its path (rare) stays in front. A bucket that cannot be a part
 * of the host name goes into the path whatever `addressing` says.
 */
export function addressOf(endpoint: URL, bucket: string, addressing: S3Quirks['addressing']): S3Address {
  const isAddress = isIP(endpoint.hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
  const pathStyle = addressing === 'path' || isAddress || !isHostLabel(bucket);
  const prefix = pathStyle ? '' : `${bucket}.`;
  const base = endpoint.pathname.replace(/\/+$/, '');
  return {
    origin: `${endpoint.protocol}//${prefix}${endpoint.host}`,
    hostname: prefix + endpoint.hostname,
    host: prefix + endpoint.host,
    basePath: pathStyle ? `${base}/${encodeKey(bucket)}` : base,
    pathStyle,
  };
}

/** One label of a host name; a bucket's name with a dot, an underscore or upper case is none. */
export function isHostLabel(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
}

/** Percent-encodes a key exactly once, as the signature demands: all but `A-Z a-z 0-9 - . _ ~` and the slash. */
export function encodeKey(key: string): string {
  if (/^[\w.~/-]*$/.test(key)) return key;
  return encodeURIComponent(key)
    .replace(/%2F/g, '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
