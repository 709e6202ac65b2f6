import { createHash } from 'node:crypto';

/** What makes two requests the same operation. */
export interface RequestShape {
  readonly method: string;
  readonly path: string;
  readonly query: unknown;
  readonly apiKeyId: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed; undefined where there is none or where the handler streams it. */
  readonly body: unknown;
}

/** Headers that say what a streamed body is; the body itself has not been read when the fingerprint is needed. */
const BODY_HEADERS = [
  'content-length',
  'content-encoding',
  'content-digest',
  'repr-digest',
  'content-md5',
  'if-match',
];

/**
 * SHA-256 (32 bytes) over method, path, query, API key and body. For a streamed body, its length, type and declared
 * digests stand in; a multipart boundary is left out because clients draw a new one for each attempt.
 */
export function fingerprintOf(request: RequestShape): Buffer {
  const { method, path, query, apiKeyId, headers, body } = request;
  const shape = [
    method,
    path,
    query,
    apiKeyId,
    headers['content-type']?.toString().replace(/;\s*boundary=("[^"]*"|[^;]*)/i, ''),
    body === undefined
      ? BODY_HEADERS.map((name) => headers[name] ?? null)
      : [headers['if-match'] ?? null, body],
  ];
  return createHash('sha256').update(JSON.stringify(shape)).digest();
}
