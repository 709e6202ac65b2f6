import { escapeXml, tag, XML_DECLARATION } from '../xml.js';
import { isoTime } from './object-operations.js';
import { compareUtf8 } from '../byte-order.js';
import { type ObjectVersion } from './object-store.js';
import {
  assertAllowed,
  findBucket,
  integerParameter,
  xmlAnswer,
  XML_NAMESPACE,
  type S3Answer,
  type S3Call,
} from './s3-call.js';
import { S3Fault } from './s3-fault.js';
import { parameter } from '../raw-request.js';
import type { S3Request } from './s3-request.js';
import { encodeRfc3986 } from '../canonical-request.js';

const MAX_KEYS = 1000;

interface Page {
  readonly entries: readonly PageEntry[];
  /** The last entry when more follow it. */
  readonly next: string | undefined;
}

type PageEntry =
  { readonly key: string; readonly version: ObjectVersion } | { readonly commonPrefix: string };

export async function listObjectsV2(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:ListBucket');
  findBucket(call);
  const { request } = call;
  const token = parameter(request, 'continuation-token');
  const startAfter = parameter(request, 'start-after');
  const page = listPage(call, token === undefined ? (startAfter ?? '') : readToken(token));
  const parts = [
    ...frame(request),
    tag('KeyCount', page.entries.length),
    tag('IsTruncated', page.next !== undefined),
    tag('ContinuationToken', token),
    tag('StartAfter', startAfter === undefined ? undefined : encoded(request, startAfter)),
    tag(
      'NextContinuationToken',
      page.next === undefined ? undefined : Buffer.from(page.next).toString('base64'),
    ),
    ...page.entries.map((entry) => renderEntry(request, entry)),
  ];
  return xmlAnswer(
    `${XML_DECLARATION}<ListBucketResult xmlns="${XML_NAMESPACE}">${parts.join('')}</ListBucketResult>`,
  );
}

/** Version 1, which s3cmd and older clients use. */
export async function listObjects(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:ListBucket');
  findBucket(call);
  const { request } = call;
  const marker = parameter(request, 'marker') ?? '';
  const page = listPage(call, marker);
  const parts = [
    ...frame(request),
    tag('Marker', encoded(request, marker)),
    tag('NextMarker', page.next === undefined ? undefined : encoded(request, page.next)),
    tag('IsTruncated', page.next !== undefined),
    ...page.entries.map((entry) => renderEntry(request, entry)),
  ];
  return xmlAnswer(
    `${XML_DECLARATION}<ListBucketResult xmlns="${XML_NAMESPACE}">${parts.join('')}</ListBucketResult>`,
  );
}

/** Versions of keys in order, newest first; one page, for buckets of tests. */
export async function listObjectVersions(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:ListBucketVersions');
  const bucket = findBucket(call);
  const { request } = call;
  const prefix = parameter(request, 'prefix') ?? '';
  const keys = call.store.sortedKeys(bucket.name).filter((key) => key.startsWith(prefix));
  const rendered = keys.flatMap((key) =>
    [...bucket.objects.get(key)!].reverse().map((version, index) => {
      const name = version.marker ? 'DeleteMarker' : 'Version';
      const fields = [
        tag('Key', encoded(request, key)),
        tag('VersionId', version.versionId),
        tag('IsLatest', index === 0),
        tag('LastModified', isoTime(version)),
        version.marker ? '' : tag('ETag', `"${version.etag}"`) + tag('Size', version.sizeBytes),
      ];
      return `<${name}>${fields.join('')}</${name}>`;
    }),
  );
  const parts = [...frame(request), tag('IsTruncated', false), ...rendered];
  return xmlAnswer(
    `${XML_DECLARATION}<ListVersionsResult xmlns="${XML_NAMESPACE}">${parts.join('')}</ListVersionsResult>`,
  );
}

/** Keys as the client wants them written: as they are, or percent-encoded with `encoding-type=url`. */
export function encoded(request: S3Request, text: string): string {
  return parameter(request, 'encoding-type') === 'url' ? text.split('/').map(encodeRfc3986).join('/') : text;
}

function listPage(call: S3Call, after: string): Page {
  const { request, store } = call;
  const prefix = parameter(request, 'prefix') ?? '';
  const delimiter = parameter(request, 'delimiter') ?? '';
  const limit = integerParameter(request, 'max-keys', MAX_KEYS, MAX_KEYS);
  const keys = store.sortedKeys(request.bucket);
  const entries: PageEntry[] = [];
  let last = '';
  const first = Math.max(position(keys, after, after !== ''), position(keys, prefix, false));
  for (let index = first; index < keys.length; index += 1) {
    const key = keys[index]!;
    if (!key.startsWith(prefix)) break;
    const version = store.find(request.bucket, key);
    if (!version) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const commonPrefix = cut === -1 ? undefined : key.slice(0, cut + delimiter.length);
    if (commonPrefix !== undefined && (commonPrefix === last || commonPrefix === after)) continue;
    if (entries.length === limit) return { entries, next: limit === 0 ? undefined : last };
    entries.push(commonPrefix === undefined ? { key, version } : { commonPrefix });
    last = commonPrefix ?? key;
  }
  return { entries, next: undefined };
}

/** Index of the first key that is not below `text` (or, with `beyond`, that is above it), by bisection. */
function position(keys: readonly string[], text: string, beyond: boolean): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareUtf8(keys[middle]!, text);
    if (order < 0 || (beyond && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function frame(request: S3Request): string[] {
  const delimiter = parameter(request, 'delimiter');
  return [
    tag('Name', request.bucket),
    tag('Prefix', encoded(request, parameter(request, 'prefix') ?? '')),
    delimiter ? tag('Delimiter', encoded(request, delimiter)) : '',
    tag('MaxKeys', integerParameter(request, 'max-keys', MAX_KEYS, MAX_KEYS)),
    tag('EncodingType', parameter(request, 'encoding-type')),
  ];
}

function renderEntry(request: S3Request, entry: PageEntry): string {
  if ('commonPrefix' in entry)
    return `<CommonPrefixes>${tag('Prefix', encoded(request, entry.commonPrefix))}</CommonPrefixes>`;
  const { key, version } = entry;
  const fields = [
    tag('Key', encoded(request, key)),
    tag('LastModified', isoTime(version)),
    `<ETag>${escapeXml(`"${version.etag}"`)}</ETag>`,
    tag('Size', version.sizeBytes),
    tag('StorageClass', 'STANDARD'),
  ];
  return `<Contents>${fields.join('')}</Contents>`;
}

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64').toString('utf8');
  if (token === '' || Buffer.from(text).toString('base64') !== token) {
    throw new S3Fault('InvalidArgument', {
      message: 'The continuation token provided is incorrect',
      details: { ArgumentName: 'continuation-token' },
    });
  }
  return text;
}
