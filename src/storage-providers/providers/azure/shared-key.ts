import { createHmac } from 'node:crypto';

/** The version of the REST API that we speak; servers answer by the rules of the version that is asked for. */
export const AZURE_API_VERSION = '2023-11-03';

export interface SharedKeyAccount {
  readonly name: string;
  /** 64 bytes, decoded from the base64 that the portal shows. */
  readonly key: Buffer;
}

export interface RequestToSign {
  readonly method: string;
  /** Percent-encoded path as it is sent. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names; `x-ms-date` among them. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The `Authorization` header of Shared Key for the Blob service
 * (https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key).
 */
export function sharedKeyAuthorization(account: SharedKeyAccount, request: RequestToSign): string {
  const signature = createHmac('sha256', account.key).update(stringToSign(account, request)).digest('base64');
  return `SharedKey ${account.name}:${signature}`;
}

function stringToSign(account: SharedKeyAccount, { method, path, query, headers }: RequestToSign): string {
  const signed = SIGNED_HEADERS.map((name) => headers[name] ?? '');
  return [
    method,
    ...signed,
    ...canonicalHeaders(headers),
    `/${account.name}${path}`,
    ...canonicalQuery(query),
  ].join('\n');
}

/** In this order; a length of 0 counts as none, and `Date` as none because `x-ms-date` is always sent. */
const SIGNED_HEADERS = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
];

function canonicalHeaders(headers: Readonly<Record<string, string>>): string[] {
  return Object.keys(headers)
    .filter((name) => name.startsWith('x-ms-'))
    .sort()
    .map((name) => `${name}:${headers[name]}`);
}

/** Decoded values, by name. */
function canonicalQuery(query: Readonly<Record<string, string>>): string[] {
  return Object.keys(query)
    .sort()
    .map((name) => `${name}:${query[name]}`);
}
