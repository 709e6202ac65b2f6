import type { ServerResponse } from 'node:http';
import { drained } from './double-server.js';
import { tag, XML_DECLARATION } from './xml.js';

/**
 * Twelve ways in which a listing can lie or break. Each was seen in the field or on a bench; a reader that takes
 * any of them for "few objects" or "none" deletes or forgets what it must not.
 */
export const HOSTILE_LISTINGS = [
  'html',
  'empty_body',
  'truncated_without_token',
  'token_loop',
  'duplicate_page',
  'unsorted',
  'outside_prefix',
  'error_on_page_2',
  'reset_mid_answer',
  'endless',
  'wrong_bucket',
  'error_with_200',
] as const;

export type HostileListing = (typeof HOSTILE_LISTINGS)[number];

/** The formats in which providers list. */
export type ListingDialect = 's3' | 'gcs' | 'azure';

export interface HostileRequest {
  readonly bucket: string;
  readonly prefix: string;
  /** The page's token as the client sent it; undefined on the first page. */
  readonly token: string | undefined;
}

interface PagePlan {
  readonly bucket: string;
  readonly prefix: string;
  readonly keys: readonly string[];
  readonly truncated: boolean;
  readonly nextToken: string | undefined;
}

const ENDLESS_BYTES = 200 * 1024 * 1024;

/** Answers a listing request in the given dialect as the given liar would. */
export function answerHostileListing(
  kind: HostileListing,
  dialect: ListingDialect,
  request: HostileRequest,
  response: ServerResponse,
): void {
  const plan = (PLANS[kind] ?? ((page) => page))(honestPage(request), request, dialect);
  const answer: Answer = {
    dialect,
    request,
    response,
    page: renderPage(dialect, plan),
    contentType: dialect === 'gcs' ? 'application/json; charset=UTF-8' : 'application/xml',
  };
  (ANSWERS[kind] ?? sendPage)(answer);
}

interface Answer {
  readonly dialect: ListingDialect;
  readonly request: HostileRequest;
  readonly response: ServerResponse;
  /** What a page that breaks no transport rule would be. */
  readonly page: string;
  readonly contentType: string;
}

function honestPage({ bucket, prefix }: HostileRequest): PagePlan {
  return {
    bucket,
    prefix,
    keys: ['a', 'b', 'c'].map((name) => prefix + name),
    truncated: false,
    nextToken: undefined,
  };
}

/** Lies in what a well-formed page says. */
const PLANS: Partial<
  Record<HostileListing, (page: PagePlan, request: HostileRequest, dialect: ListingDialect) => PagePlan>
> = {
  // GCS and Azure say "there is more" only by the token: there the lie is an empty page that leads nowhere.
  truncated_without_token: (page, { token }, dialect) =>
    dialect === 's3'
      ? { ...page, truncated: true }
      : { ...page, keys: [], truncated: true, nextToken: token ?? 'nowhere' },
  // New keys under an old token: only the token shows that this never ends.
  token_loop: (page, { prefix, token }) => ({
    ...page,
    keys: token === undefined ? page.keys : ['d', 'e', 'f'].map((name) => prefix + name),
    truncated: true,
    nextToken: 'same-token',
  }),
  duplicate_page: (page, { token }) => ({
    ...page,
    truncated: token === undefined,
    nextToken: token === undefined ? 'page-2' : undefined,
  }),
  unsorted: (page) => ({ ...page, keys: [...page.keys].reverse() }),
  outside_prefix: (page) => ({ ...page, keys: [...page.keys, '~elsewhere/d'] }),
  wrong_bucket: (page, { bucket }) => ({ ...page, bucket: `${bucket}-of-somebody-else` }),
  error_on_page_2: (page) => ({ ...page, truncated: true, nextToken: 'page-2' }),
};

/** Lies in how the page is sent. */
const ANSWERS: Partial<Record<HostileListing, (answer: Answer) => void>> = {
  html: ({ response }) => send(response, 200, 'text/html', WEB_PAGE),
  empty_body: ({ response, contentType }) => send(response, 200, contentType, ''),
  error_with_200: ({ response, contentType, dialect }) =>
    send(response, 200, contentType, renderError(dialect)),
  error_on_page_2: (answer) =>
    answer.request.token === undefined
      ? sendPage(answer)
      : send(answer.response, 500, answer.contentType, renderError(answer.dialect)),
  reset_mid_answer: ({ response, contentType, page }) => {
    response.writeHead(200, {
      'content-type': contentType,
      'content-length': String(Buffer.byteLength(page)),
    });
    response.write(page.slice(0, page.length / 2), () => response.socket?.resetAndDestroy());
  },
  endless: (answer) => void sendEndless(answer),
};

const WEB_PAGE = '<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in.</body></html>';

function sendPage({ response, contentType, page }: Answer): void {
  send(response, 200, contentType, page);
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': String(Buffer.byteLength(body)),
  });
  response.end(body);
}

interface Renderer {
  readonly head: (plan: PagePlan) => string;
  readonly key: (plan: PagePlan, key: string) => string;
  readonly tail: (plan: PagePlan) => string;
}

const RENDERERS: Readonly<Record<ListingDialect, Renderer>> = {
  s3: {
    head: (plan) =>
      `${XML_DECLARATION}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${tag('Name', plan.bucket)}${tag('Prefix', plan.prefix)}${tag('KeyCount', plan.keys.length)}${tag('MaxKeys', 1000)}${tag('IsTruncated', plan.truncated)}${tag('NextContinuationToken', plan.nextToken)}`,
    key: (_plan, key) =>
      `<Contents>${tag('Key', key)}${tag('LastModified', MODIFIED)}${tag('ETag', `"${ETAG}"`)}${tag('Size', 3)}${tag('StorageClass', 'STANDARD')}</Contents>`,
    tail: () => '</ListBucketResult>',
  },
  azure: {
    head: (plan) =>
      `${XML_DECLARATION}<EnumerationResults ServiceEndpoint="http://127.0.0.1/account/" ContainerName="${plan.bucket}">${tag('Prefix', plan.prefix)}${tag('MaxResults', 1000)}<Blobs>`,
    key: (_plan, key) =>
      `<Blob>${tag('Name', key)}<Properties>${tag('Last-Modified', new Date(MODIFIED).toUTCString())}${tag('Etag', ETAG)}${tag('Content-Length', 3)}${tag('BlobType', 'BlockBlob')}</Properties></Blob>`,
    tail: (plan) => `</Blobs><NextMarker>${plan.nextToken ?? ''}</NextMarker></EnumerationResults>`,
  },
  gcs: {
    head: (plan) =>
      `{"kind":"storage#objects",${plan.nextToken === undefined ? '' : `"nextPageToken":${JSON.stringify(plan.nextToken)},`}"items":[`,
    key: (plan, key) =>
      JSON.stringify({
        kind: 'storage#object',
        id: `${plan.bucket}/${key}/1`,
        bucket: plan.bucket,
        name: key,
        size: '3',
        generation: '1',
        metageneration: '1',
        etag: ETAG,
        md5Hash: 'rL0Y20zC+Fzt72VPzMSk2A==',
        crc32c: 'AAAAAA==',
        updated: MODIFIED,
        timeCreated: MODIFIED,
      }),
    tail: () => ']}',
  },
};

const MODIFIED = '2026-01-02T03:04:05.000Z';
const ETAG = 'acbd18db4cc2f85cedef654fccc4a4d8';

function renderPage(dialect: ListingDialect, plan: PagePlan): string {
  const { head, key, tail } = RENDERERS[dialect];
  const separator = dialect === 'gcs' ? ',' : '';
  return head(plan) + plan.keys.map((name) => key(plan, name)).join(separator) + tail(plan);
}

function renderError(dialect: ListingDialect): string {
  const message = 'We encountered an internal error. Please try again.';
  if (dialect === 'gcs') {
    return JSON.stringify({
      error: { code: 500, message, errors: [{ domain: 'global', reason: 'backendError', message }] },
    });
  }
  return `${XML_DECLARATION}<Error>${tag('Code', 'InternalError')}${tag('Message', message)}</Error>`;
}

/** One page of 200 MB of well-formed keys: whoever collects before judging runs out of memory. */
async function sendEndless({ dialect, request, response, contentType }: Answer): Promise<void> {
  const { head, key, tail } = RENDERERS[dialect];
  const plan: PagePlan = { ...request, keys: [], truncated: false, nextToken: undefined };
  response.writeHead(200, { 'content-type': contentType });
  response.write(head(plan));
  let sent = 0;
  for (let index = 0; sent < ENDLESS_BYTES && !response.destroyed;) {
    const batch: string[] = [];
    for (let count = 0; count < 500; count += 1, index += 1) {
      const separator = dialect === 'gcs' && index > 0 ? ',' : '';
      batch.push(
        separator + key(plan, `${request.prefix}${String(index).padStart(12, '0')}${'x'.repeat(200)}`),
      );
    }
    const text = batch.join('');
    sent += text.length;
    if (!response.write(text)) await drained(response);
  }
  response.end(tail(plan));
}
