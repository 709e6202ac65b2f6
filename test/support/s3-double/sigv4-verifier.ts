import type { Personality } from './personalities.js';
import { S3Fault } from './s3-fault.js';
import { parameter } from '../raw-request.js';
import type { S3Request } from './s3-request.js';
import { canonicalRequest, parseTimestamp } from '../canonical-request.js';
import { hmacHex, scopeText, signingKey, stringToSign, type SigningScope } from './signing.js';
import type { S3User } from './users.js';

export interface Authentication {
  readonly user: S3User;
  readonly scope: SigningScope;
  /** `YYYYMMDDTHHMMSSZ` of the signature. */
  readonly timestamp: string;
  readonly signature: string;
  readonly signingKey: Buffer;
  readonly presigned: boolean;
  /** A SHA-256 in hex, `UNSIGNED-PAYLOAD` or one of the `STREAMING-...` forms. */
  readonly payloadHash: string;
}

export interface VerifierContext {
  readonly personality: Personality;
  readonly users: readonly S3User[];
  /** The region that this endpoint serves. */
  readonly region: string;
  readonly nowMs: number;
}

const MAX_SKEW_MS = 15 * 60_000;
const MAX_EXPIRY_SECONDS = 7 * 24 * 3600;
const ALGORITHM = 'AWS4-HMAC-SHA256';

interface Claims {
  readonly accessKeyId: string;
  readonly scope: SigningScope;
  readonly timestamp: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly payloadHash: string;
  readonly presigned: boolean;
  readonly expiresSeconds: number | undefined;
}

/**
 * Checks who sent a request and that nothing signed was changed, in the order in which S3 finds fault.
 * @throws S3Fault with the code that S3 answers
 */
export function authenticate(request: S3Request, context: VerifierContext): Authentication {
  const claims = readClaims(request);
  assertScope(claims, context);
  assertTime(claims, context);
  const user = findUser(claims, request, context);
  assertAllSigned(claims, request);
  const key = signingKey(user.secretAccessKey, claims.scope);
  assertSignature(claims, request, key);
  return { user, signingKey: key, ...claims };
}

/** For a personality that checks nothing: everybody is the first user. */
export function acceptAnyone(request: S3Request, users: readonly S3User[]): Authentication {
  const scope = { date: '19700101', region: '', service: 's3' };
  return {
    user: users[0]!,
    scope,
    timestamp: '19700101T000000Z',
    signature: '',
    signingKey: signingKey('', scope),
    presigned: false,
    payloadHash: request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
  };
}

function readClaims(request: S3Request): Claims {
  if (parameter(request, 'X-Amz-Algorithm') !== undefined) return readQueryClaims(request);
  const header = request.headers['authorization'];
  if (header === undefined) throw new S3Fault('AccessDenied');
  return readHeaderClaims(header, request);
}

function readHeaderClaims(header: string, request: S3Request): Claims {
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw new S3Fault('InvalidRequest', {
      message: `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
    });
  }
  const fields = new Map(
    header
      .slice(ALGORITHM.length + 1)
      .split(',')
      .map((field) => {
        const [name, ...value] = field.trim().split('=');
        return [name, value.join('=')] as const;
      }),
  );
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map((name) => {
    const value = fields.get(name);
    if (!value) throw malformed('AuthorizationHeaderMalformed', `the ${name} field is missing`);
    return value;
  }) as [string, string, string];
  const timestamp = request.headers['x-amz-date'];
  if (!timestamp)
    throw new S3Fault('AccessDenied', {
      message: 'AWS authentication requires a valid Date or x-amz-date header',
    });
  const payloadHash = request.headers['x-amz-content-sha256'];
  if (payloadHash === undefined) {
    throw new S3Fault('InvalidRequest', {
      message: 'Missing required header for this request: x-amz-content-sha256',
    });
  }
  return {
    ...readCredential(credential, 'AuthorizationHeaderMalformed'),
    timestamp,
    signedHeaders: signedHeaders.split(';'),
    signature,
    payloadHash,
    presigned: false,
    expiresSeconds: undefined,
  };
}

function readQueryClaims(request: S3Request): Claims {
  const field = (name: string) => {
    const value = parameter(request, name);
    if (!value) {
      throw new S3Fault('AuthorizationQueryParametersError', {
        message:
          'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
      });
    }
    return value;
  };
  if (field('X-Amz-Algorithm') !== ALGORITHM) {
    throw malformed('AuthorizationQueryParametersError', `X-Amz-Algorithm only supports "${ALGORITHM}"`);
  }
  const expiresSeconds = Number(field('X-Amz-Expires'));
  if (!Number.isInteger(expiresSeconds) || expiresSeconds < 1 || expiresSeconds > MAX_EXPIRY_SECONDS) {
    throw malformed(
      'AuthorizationQueryParametersError',
      'X-Amz-Expires must be between 1 and 604800 seconds',
    );
  }
  return {
    ...readCredential(field('X-Amz-Credential'), 'AuthorizationQueryParametersError'),
    timestamp: field('X-Amz-Date'),
    signedHeaders: field('X-Amz-SignedHeaders').split(';'),
    signature: field('X-Amz-Signature'),
    payloadHash:
      request.headers['x-amz-content-sha256'] ??
      parameter(request, 'X-Amz-Content-Sha256') ??
      'UNSIGNED-PAYLOAD',
    presigned: true,
    expiresSeconds,
  };
}

function readCredential(credential: string, code: string): { accessKeyId: string; scope: SigningScope } {
  const [accessKeyId, date, region, service, terminator, ...rest] = credential.split('/');
  const whole = terminator === 'aws4_request' && rest.length === 0;
  if (!whole || !accessKeyId || region === undefined || !/^\d{8}$/.test(date ?? '')) {
    throw malformed(
      code,
      `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
    );
  }
  if (service !== 's3')
    throw malformed(code, `incorrect service "${service}". This endpoint belongs to "s3".`);
  return { accessKeyId, scope: { date: date!, region, service } };
}

function assertScope({ scope }: Claims, { personality, region }: VerifierContext): void {
  const { signingRegion } = personality;
  if (signingRegion === 'any') return;
  if (signingRegion === 'exact') {
    if (scope.region === region) return;
    throw new S3Fault('AuthorizationHeaderMalformed', {
      message: `The authorization header is malformed; the region '${scope.region}' is wrong; expecting '${region}'`,
      details: { Region: region },
      headers: { 'x-amz-bucket-region': region },
    });
  }
  if (signingRegion.includes(scope.region)) return;
  throw new S3Fault('InvalidRegionName', {
    message: `The region name '${scope.region}' is not valid. Must be one of: ${signingRegion.filter(Boolean).join(', ')}`,
  });
}

function assertTime(claims: Claims, { personality, nowMs }: VerifierContext): void {
  const signedAtMs = parseTimestamp(claims.timestamp);
  if (signedAtMs === undefined || !claims.timestamp.startsWith(claims.scope.date)) {
    throw new S3Fault('AccessDenied', {
      message: 'The date of the credential does not match the date of the request.',
    });
  }
  const serverTime = new Date(nowMs).toISOString().replace(/\.\d+/, '');
  if (claims.expiresSeconds !== undefined) {
    if (nowMs > signedAtMs + claims.expiresSeconds * 1000) {
      const { code, status, message } = personality.expiredUrl;
      const details = {
        'X-Amz-Expires': claims.expiresSeconds,
        Expires: new Date(signedAtMs + claims.expiresSeconds * 1000).toISOString().replace(/\.\d+/, ''),
        ServerTime: serverTime,
      };
      throw new S3Fault(code, { status, message, details });
    }
    if (signedAtMs > nowMs + MAX_SKEW_MS)
      throw new S3Fault('AccessDenied', { message: 'Request is not yet valid' });
    return;
  }
  if (Math.abs(nowMs - signedAtMs) > MAX_SKEW_MS) {
    throw new S3Fault('RequestTimeTooSkewed', {
      details: {
        RequestTime: claims.timestamp,
        ServerTime: serverTime,
        MaxAllowedSkewMilliseconds: MAX_SKEW_MS,
      },
    });
  }
}

function findUser(claims: Claims, request: S3Request, context: VerifierContext): S3User {
  const user = context.users.find((candidate) => candidate.accessKeyId === claims.accessKeyId);
  if (!user) {
    const { code, message } = context.personality.unknownKey;
    throw new S3Fault(code, { message, details: { AWSAccessKeyId: claims.accessKeyId } });
  }
  if (user.suspended) throw new S3Fault('UserSuspended');
  const token = request.headers['x-amz-security-token'] ?? parameter(request, 'X-Amz-Security-Token');
  if (token !== user.sessionToken) throw new S3Fault('InvalidToken');
  return user;
}

/** S3 refuses `x-amz-*` headers that the signature does not cover: else a URL's bearer could add them. */
function assertAllSigned(claims: Claims, request: S3Request): void {
  const mustBeSigned = Object.keys(request.headers).filter(
    (name) => name === 'host' || name.startsWith('x-amz-'),
  );
  const unsigned = mustBeSigned.filter((name) => !claims.signedHeaders.includes(name));
  if (unsigned.length === 0) return;
  throw new S3Fault('AccessDenied', {
    message: 'There were headers present in the request which were not signed',
    details: { HeadersNotSigned: unsigned.join(', ') },
  });
}

function assertSignature(claims: Claims, request: S3Request, key: Buffer): void {
  const canonical = canonicalRequest(request, claims.signedHeaders, claims.payloadHash, 'X-Amz-Signature');
  const toSign = stringToSign(ALGORITHM, claims.timestamp, claims.scope, canonical);
  if (hmacHex(key, toSign) === claims.signature) return;
  throw new S3Fault('SignatureDoesNotMatch', {
    details: {
      AWSAccessKeyId: claims.accessKeyId,
      StringToSign: toSign,
      SignatureProvided: claims.signature,
      CanonicalRequest: canonical,
      Scope: scopeText(claims.scope),
    },
  });
}

function malformed(code: string, what: string): S3Fault {
  const message =
    code === 'AuthorizationHeaderMalformed' ? `The authorization header is malformed; ${what}` : what;
  return new S3Fault(code, { message });
}
