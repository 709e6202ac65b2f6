import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { LocalDiskUrls, SignedRequest } from './storage-provider.js';

/** Where the server answers signed URLs of `local_disk`; the token follows as one path segment. */
export const LOCAL_OBJECTS_PATH = '/api/v1/local-objects';

export interface LocalDiskSigningOptions {
  /** 32 bytes each. The first signs; URLs signed with any of them are good, so that a key rotation breaks none. */
  readonly secrets: readonly Uint8Array[];
  /** URL under which clients reach this server, without the path above. */
  readonly baseUrl: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What one URL permits: one method on one key of one tenant's bucket, until it expires. */
export interface LocalObjectGrant {
  readonly method: 'GET' | 'PUT';
  /** The bucket's folder relative to the root of local_disk. */
  readonly bucketPath: string;
  readonly key: string;
  readonly tenant: string | undefined;
  readonly expiresAtMs: number;
  /** GET: headers of the answer. */
  readonly contentType: string | undefined;
  readonly contentDisposition: string | undefined;
  /** PUT: the body must be exactly this, and `createOnly` refuses an existing key. */
  readonly sizeBytes: number | undefined;
  readonly createOnly: boolean;
  readonly md5: Buffer | undefined;
  readonly sha256: Buffer | undefined;
  /** PUT: the body is this part of an upload instead of the whole object. */
  readonly part: { readonly uploadId: string; readonly partNumber: number } | undefined;
}

export type LocalObjectVerdict =
  | { readonly ok: true; readonly grant: LocalObjectGrant }
  | { readonly ok: false; readonly reason: 'malformed' | 'wrong_signature' | 'wrong_method' | 'expired' };

export interface LocalDiskSigner extends LocalDiskUrls {
  /** Checks the token of a request. Tells nothing about a token that we did not sign but `wrong_signature`. */
  verify(method: string, token: string): LocalObjectVerdict;
}

/** The longest key with all options fits into a third of it. */
const MAX_TOKEN_CHARACTERS = 8_192;
const MAX_EXPIRES_SECONDS = 7 * 24 * 3_600;

/**
 * Signs and checks URLs of `local_disk` objects, as a cloud would for its own. A token is what it permits, as JSON in
 * base64url, and the HMAC-SHA256 over exactly those characters: there is one form of it, and nothing outside of it
 * (query, headers) can widen it.
 */
export function createLocalDiskUrls({ secrets, baseUrl, now }: LocalDiskSigningOptions): LocalDiskSigner {
  const keys = secrets.map(macKey);
  const [signingKey] = keys;
  if (signingKey === undefined) throw new RangeError('Signing needs at least one secret.');
  const base = `${baseUrl.replace(/\/+$/, '')}${LOCAL_OBJECTS_PATH}`;
  return {
    sign(method, bucketPath, key, options, tenant): SignedRequest {
      const expiresInSeconds = Math.min(
        Math.max(1, Math.floor(options.expiresInSeconds)),
        MAX_EXPIRES_SECONDS,
      );
      const expiresAtSeconds = Math.floor(now() / 1_000) + expiresInSeconds;
      const permitted: Permitted = { v: 1, m: method, b: bucketPath, k: key, t: tenant, e: expiresAtSeconds };
      const payload = encode({ ...permitted, ...restrictions(options) });
      const token = `${payload}.${mac(signingKey, payload).toString('base64url')}`;
      return { method, url: `${base}/${token}`, headers: {}, expiresAt: new Date(expiresAtSeconds * 1_000) };
    },
    verify(method, token) {
      const [payload, signature] = split(token);
      if (payload === undefined || signature === undefined) return { ok: false, reason: 'malformed' };
      const isGenuine = keys.map((key) => sameBytes(mac(key, payload), signature)).includes(true);
      if (!isGenuine) return { ok: false, reason: 'wrong_signature' };
      const grant = decode(payload);
      // HEAD tells less than GET.
      if (grant.method !== (method === 'HEAD' ? 'GET' : method)) return { ok: false, reason: 'wrong_method' };
      return now() < grant.expiresAtMs ? { ok: true, grant } : { ok: false, reason: 'expired' };
    },
  };
}

/** Short names, because the token is a URL. */
interface Permitted {
  readonly v: 1;
  readonly m: 'GET' | 'PUT';
  readonly b: string;
  readonly k: string;
  readonly t?: string;
  readonly e: number;
}

interface Restrictions {
  readonly ct?: string;
  readonly cd?: string;
  readonly s?: number;
  readonly c?: 1;
  readonly md5?: string;
  readonly sha?: string;
  readonly u?: string;
  readonly p?: number;
}

function restrictions(options: Parameters<LocalDiskUrls['sign']>[3]): Restrictions {
  if (!('sizeBytes' in options)) return { ct: options.contentType, cd: options.contentDisposition };
  const md5 = options.md5 && Buffer.from(options.md5).toString('base64url');
  if ('uploadId' in options) {
    return { s: options.sizeBytes, md5, u: options.uploadId, p: options.partNumber };
  }
  return {
    s: options.sizeBytes,
    c: options.createOnly === true ? 1 : undefined,
    md5,
    sha: options.sha256 && Buffer.from(options.sha256).toString('base64url'),
  };
}

function encode(permitted: Permitted & Restrictions): string {
  return Buffer.from(JSON.stringify(permitted)).toString('base64url');
}

/** Only for a payload whose signature is ours: it was made by `encode`. */
function decode(payload: string): LocalObjectGrant {
  const text = Buffer.from(payload, 'base64url').toString('utf8');
  const { m, b, k, t, e, ct, cd, s, c, md5, sha, u, p } = JSON.parse(text) as Permitted & Restrictions;
  return {
    method: m,
    bucketPath: b,
    key: k,
    tenant: t,
    expiresAtMs: e * 1_000,
    contentType: ct,
    contentDisposition: cd,
    sizeBytes: s,
    createOnly: c === 1,
    md5: md5 === undefined ? undefined : Buffer.from(md5, 'base64url'),
    sha256: sha === undefined ? undefined : Buffer.from(sha, 'base64url'),
    part: u === undefined || p === undefined ? undefined : { uploadId: u, partNumber: p },
  };
}

function split(token: string): [string, Buffer] | [] {
  if (token.length > MAX_TOKEN_CHARACTERS) return [];
  const [, payload, signature] = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  if (payload === undefined || signature === undefined) return [];
  const bytes = Buffer.from(signature, 'base64url');
  // Base64 has several spellings of the last bits; only ours is a signature.
  return bytes.toString('base64url') === signature ? [payload, bytes] : [];
}

/** Bound to its purpose: a signature made with the same secret for anything else is no URL. */
function macKey(secret: Uint8Array): Buffer {
  if (secret.byteLength !== 32) throw new RangeError('A signing secret must have 32 bytes.');
  return Buffer.from(hkdfSync('sha256', secret, '', 'stowage local-disk url v1', 32));
}

function mac(key: Buffer, payload: string): Buffer {
  return createHmac('sha256', key).update(payload).digest();
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
