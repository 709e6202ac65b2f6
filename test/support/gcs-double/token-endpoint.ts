import { randomBytes, verify } from 'node:crypto';
import type { DoubleAnswer } from '../double-server.js';
import { jsonAnswer } from './gcs-fault.js';
import type { ServiceAccount } from './service-accounts.js';

export const GOOGLE_TOKEN_URL = 'https://oauth2.googleapis.com/token';

const TOKEN_SECONDS = 3600;
/** Google forgives a client clock that is this far ahead. */
const MAX_AHEAD_SECONDS = 300;
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export interface IssuedToken {
  readonly account: ServiceAccount;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
}

interface Claims {
  readonly iss?: unknown;
  readonly aud?: unknown;
  readonly scope?: unknown;
  readonly iat?: unknown;
  readonly exp?: unknown;
}

class Refusal extends Error {
  readonly error: string;

  constructor(error: string, description: string) {
    super(description);
    this.error = error;
  }
}

/** Google's OAuth token endpoint for service accounts: RFC 7523 with RS256, refusals in Google's words. */
export class TokenEndpoint {
  readonly #accounts: () => readonly ServiceAccount[];
  readonly #audiences: () => readonly string[];
  readonly #tokens = new Map<string, IssuedToken>();

  constructor(accounts: () => readonly ServiceAccount[], audiences: () => readonly string[]) {
    this.#accounts = accounts;
    this.#audiences = audiences;
  }

  answer(form: string, nowMs: number): DoubleAnswer {
    try {
      const { account, scopes } = this.#verify(new URLSearchParams(form), nowMs);
      const token = `ya29.c.${randomBytes(48).toString('base64url')}`;
      this.#tokens.set(token, { account, scopes, expiresAtMs: nowMs + TOKEN_SECONDS * 1000 });
      return jsonAnswer({ access_token: token, expires_in: TOKEN_SECONDS - 1, token_type: 'Bearer' });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return jsonAnswer({ error: error.error, error_description: error.message }, 400);
    }
  }

  /** The holder of a token that is still good. */
  find(token: string, nowMs: number): IssuedToken | undefined {
    const issued = this.#tokens.get(token);
    return issued && nowMs < issued.expiresAtMs ? issued : undefined;
  }

  /** Every token given out so far is refused from now on, as after a key was revoked. */
  revokeAll(): void {
    this.#tokens.clear();
  }

  #verify(form: URLSearchParams, nowMs: number): { account: ServiceAccount; scopes: string[] } {
    if (form.get('grant_type') !== JWT_BEARER) {
      throw new Refusal('unsupported_grant_type', `Invalid grant_type: ${form.get('grant_type') ?? ''}`);
    }
    const [header, payload, signature, ...rest] = (form.get('assertion') ?? '').split('.');
    const claims = readJson(payload) as Claims | undefined;
    const { alg } = (readJson(header) ?? {}) as { alg?: unknown };
    if (!header || !payload || !signature || rest.length > 0 || !claims) {
      throw new Refusal('invalid_request', 'Bad Request');
    }
    if (alg !== 'RS256') throw new Refusal('invalid_grant', 'Invalid JWT Signature.');
    const account = this.#accounts().find(({ key }) => key.client_email === claims.iss);
    if (!account) throw new Refusal('invalid_grant', 'Invalid grant: account not found');
    const signed = verify(
      'sha256',
      Buffer.from(`${header}.${payload}`),
      account.publicKey,
      Buffer.from(signature, 'base64url'),
    );
    if (!signed) throw new Refusal('invalid_grant', 'Invalid JWT Signature.');
    this.#assertClaims(claims, nowMs);
    return { account, scopes: String(claims.scope).split(' ') };
  }

  #assertClaims(claims: Claims, nowMs: number): void {
    const now = nowMs / 1000;
    const { iat, exp, aud, scope } = claims;
    const timely =
      typeof iat === 'number' &&
      typeof exp === 'number' &&
      exp - iat <= TOKEN_SECONDS &&
      exp > now &&
      iat < now + MAX_AHEAD_SECONDS;
    if (!timely) {
      throw new Refusal(
        'invalid_grant',
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
      );
    }
    if (typeof aud !== 'string' || !this.#audiences().includes(aud)) {
      throw new Refusal(
        'invalid_grant',
        `Invalid JWT: Failed audience check. The right audience is ${GOOGLE_TOKEN_URL}`,
      );
    }
    if (typeof scope !== 'string' || scope.trim() === '') {
      throw new Refusal('invalid_scope', 'Empty or missing scope not allowed.');
    }
  }
}

function readJson(part: string | undefined): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
