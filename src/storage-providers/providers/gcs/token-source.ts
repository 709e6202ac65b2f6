import { sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { StorageOperation } from '../../storage-errors.js';
import { protocolError, readText } from '../http/answer-body.js';
import { abortedBy, type HttpClient } from '../http/http-client.js';
import { gcsFailure } from './gcs-failure.js';
import type { ServiceAccount } from './service-account.js';

/** What Google expects as audience, whatever host the request goes to. */
const AUDIENCE = 'https://oauth2.googleapis.com/token';
/** Reading and writing objects; cannot change who may access a bucket. */
const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';
const ASSERTION_LIFETIME_SECONDS = 3_600;
/** A token is replaced this long before it expires, so that none expires under a long upload's first bytes. */
const RENEW_BEFORE_MS = 5 * 60_000;
const MAX_TOKEN_CHARACTERS = 8_192;

export interface TokenSourceOptions {
  readonly account: ServiceAccount;
  readonly http: HttpClient;
  /** Path of the token endpoint on the origin of `http`. */
  readonly path: string;
  readonly bucket: string;
  /** Deadline of the whole answer. */
  readonly answerMs: number;
  readonly now: () => number;
}

/**
 * Bearer tokens of one service account by the JWT grant of RFC 7523. One exchange at a time; its token serves all
 * callers until shortly before it expires. A failed exchange is not remembered.
 */
export class TokenSource {
  private cached: { readonly token: string; readonly renewAtMs: number } | undefined;
  private pending: Promise<string> | undefined;

  constructor(private readonly options: TokenSourceOptions) {}

  /** Rejects with the classified failure of the exchange, or `aborted` by the signal (the exchange goes on). */
  async token(operation: StorageOperation, signal?: AbortSignal): Promise<string> {
    if (this.cached !== undefined && this.options.now() < this.cached.renewAtMs) return this.cached.token;
    this.pending ??= this.exchange(operation).finally(() => (this.pending = undefined));
    return signal === undefined ? this.pending : abandonable(this.pending, operation, signal);
  }

  /** For a token that the service refused. */
  forget(token: string): void {
    if (this.cached?.token === token) this.cached = undefined;
  }

  private async exchange(operation: StorageOperation): Promise<string> {
    const { http, path, now, answerMs, bucket } = this.options;
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await this.assertion(),
    });
    const askedAtMs = now();
    const answer = await http.send({
      operation,
      method: 'POST',
      path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: Buffer.from(body.toString()),
    });
    const text = await readText(answer.body, operation, answerMs);
    if (answer.status !== 200) throw gcsFailure({ ...answer, text }, { operation, bucket, nowMs: now() });
    const { token, lifetimeMs } = readToken(text, operation);
    this.cached = { token, renewAtMs: askedAtMs + lifetimeMs - RENEW_BEFORE_MS };
    return token;
  }

  private async assertion(): Promise<string> {
    const { clientEmail, privateKey, privateKeyId } = this.options.account;
    const issuedAt = Math.floor(this.options.now() / 1_000);
    const header = { alg: 'RS256', typ: 'JWT', kid: privateKeyId };
    const claims = {
      iss: clientEmail,
      scope: SCOPE,
      aud: AUDIENCE,
      iat: issuedAt,
      exp: issuedAt + ASSERTION_LIFETIME_SECONDS,
    };
    const unsigned = `${base64url(header)}.${base64url(claims)}`;
    const signature = await signAsync('RSA-SHA256', Buffer.from(unsigned), privateKey);
    return `${unsigned}.${signature.toString('base64url')}`;
  }
}

const signAsync = promisify(sign);

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function readToken(text: string, operation: StorageOperation): { token: string; lifetimeMs: number } {
  const answer = parseJson(text);
  const { access_token: token, expires_in: lifetimeSeconds } = answer;
  // Visible ASCII only: the token becomes a header.
  const isToken =
    typeof token === 'string' && token.length <= MAX_TOKEN_CHARACTERS && /^[\x21-\x7e]+$/.test(token);
  if (!isToken || typeof lifetimeSeconds !== 'number' || !(lifetimeSeconds > 0)) {
    throw protocolError(operation, 'something else than an access token');
  }
  return { token, lifetimeMs: lifetimeSeconds * 1_000 };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Lets one caller go without ending the work that others wait for. */
function abandonable<T>(work: Promise<T>, operation: StorageOperation, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortedBy(signal, operation));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
