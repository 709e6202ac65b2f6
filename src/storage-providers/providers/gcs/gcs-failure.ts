import { classify } from '../../classify.js';
import type { StorageError, StorageOperation } from '../../storage-errors.js';
import { childText, parseXml } from '../http/xml.js';

export interface FailedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface FailedCall {
  readonly operation: StorageOperation;
  readonly bucket: string;
  readonly nowMs: number;
}

/** The StorageError for an answer that is no success, in any of the three formats that Google uses. */
export function gcsFailure(
  { status, headers, text }: FailedAnswer,
  { operation, bucket, nowMs }: FailedCall,
): StorageError {
  const said = oauthError(text) ?? jsonError(text) ?? xmlError(text);
  return classify({
    provider: 'google_gcs',
    operation,
    bucket,
    httpStatus: status,
    code: said?.code,
    message: said?.message,
    headers,
    // A HEAD has no body, and front ends answer 5xx in plain text.
    bodyIsExpectedShape: said !== undefined || text === '' || status >= 500,
    nowMs,
  });
}

interface Said {
  readonly code: string | undefined;
  readonly message: string;
}

/** `{"error":"invalid_grant","error_description":"…"}` of the token endpoint. */
function oauthError(text: string): Said | undefined {
  const answer = parseJsonObject(text);
  if (typeof answer?.error !== 'string') return undefined;
  return { code: answer.error, message: textOf(answer.error_description) };
}

/** `{"error":{"code":403,"message":"…","errors":[{"reason":"forbidden"}]}}` of the JSON API. */
function jsonError(text: string): Said | undefined {
  const error = objectOf(parseJsonObject(text)?.error);
  if (error === undefined) return undefined;
  const first = Array.isArray(error.errors) ? objectOf(error.errors[0]) : undefined;
  return {
    code: typeof first?.reason === 'string' ? first.reason : undefined,
    message: textOf(error.message),
  };
}

/** `<Error><Code>AccessDenied</Code><Message>…</Message><Details>…</Details></Error>` of the XML API. */
function xmlError(text: string): Said | undefined {
  const root = parseXml(text);
  if (root?.name !== 'Error') return undefined;
  const code = childText(root, 'Code')?.trim();
  const message = `${childText(root, 'Message') ?? ''} ${childText(root, 'Details') ?? ''}`;
  return { code: (code && XML_SYNONYMS[code]) ?? code, message };
}

/** Codes that only the XML API has, under the name that the JSON API uses for the same. */
const XML_SYNONYMS: Readonly<Record<string, string>> = {
  AuthenticationRequired: 'required',
  InvalidAuthentication: 'authError',
  KeyTooLong: 'KeyTooLongError',
};

function parseJsonObject(text: string): Record<string, unknown> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
