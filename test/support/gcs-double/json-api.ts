import { parseRange } from '../byte-range.js';
import { compareUtf8 } from '../byte-order.js';
import type { DoubleAnswer } from '../double-server.js';
import { parameter } from '../raw-request.js';
import { assertPermitted } from './gcs-authentication.js';
import {
  assertBucket,
  assertObjectName,
  assertPreconditions,
  createObject,
  headerDigests,
  preconditionsOf,
  readDocument,
  readJsonDocument,
  type ExpectedDigests,
  type GcsCall,
} from './gcs-call.js';
import { gcsFaults, jsonAnswer } from './gcs-fault.js';
import type { GcsObject, NewObject } from './gcs-store.js';
import { downloadHeaders, objectResource } from './object-resource.js';
import { readRelatedBody } from './related-body.js';

const MAX_RESULTS = 1000;

export async function getBucket(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.buckets.get');
  assertBucket(call);
  return jsonAnswer({
    kind: 'storage#bucket',
    id: call.bucket,
    name: call.bucket,
    location: 'EU',
    locationType: 'multi-region',
    storageClass: 'STANDARD',
    iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
  });
}

export async function insertMedia(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.objects.create');
  assertBucket(call);
  const name = parameter(call.request, 'name') ?? '';
  assertObjectName(name);
  const object = {
    bucket: call.bucket,
    name,
    contentType: call.request.headers['content-type'],
    metadata: undefined,
    headers: {},
  };
  return stored(call, object, call.body, headerDigests(call.request));
}

export async function insertRelated(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.objects.create');
  assertBucket(call);
  const related = await readRelatedBody(call.body, call.request.headers['content-type'] ?? '');
  const { object, expected } = describedObject(call, readJsonDocument(related.metadata), related.contentType);
  return stored(call, object, related.content, expected);
}

export async function startResumable(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.objects.create');
  assertBucket(call);
  const metadata = readJsonDocument(await readDocument(call.body));
  const { object, expected } = describedObject(call, metadata, call.request.headers['x-upload-content-type']);
  const conditions = preconditionsOf(call.request);
  assertPreconditions(conditions, call.store.find(object.bucket, object.name));
  const uploadId = call.sessions.open({ object, conditions, expected, caller: call.caller });
  const location = `${call.origin}/upload/storage/v1/b/${encodeURIComponent(call.bucket)}/o?uploadType=resumable&name=${encodeURIComponent(object.name)}&upload_id=${uploadId}`;
  return { status: 200, headers: { location, 'x-guploader-uploadid': uploadId } };
}

export async function getObject(call: GcsCall): Promise<DoubleAnswer> {
  const object = findObject(call);
  assertPreconditions(preconditionsOf(call.request), object);
  if (parameter(call.request, 'alt') !== 'media') return jsonAnswer(objectResource(object, call.origin));
  return download(call, object, 'json');
}

export async function deleteObject(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.objects.delete');
  assertBucket(call);
  const object = call.store.find(call.bucket, call.name);
  if (!object) throw gcsFaults.notFound(call.bucket, call.name);
  assertPreconditions(preconditionsOf(call.request), object);
  call.store.remove(call.bucket, call.name);
  return { status: 204 };
}

export async function listObjects(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.objects.list');
  assertBucket(call);
  const { entries, nextPageToken } = listPage(call);
  const items = entries.flatMap(({ object }) => (object ? [objectResource(object, call.origin)] : []));
  const prefixes = entries.filter(({ object }) => !object).map(({ name }) => name);
  // Google leaves empty members out.
  return jsonAnswer({
    kind: 'storage#objects',
    nextPageToken,
    prefixes: prefixes.length > 0 ? prefixes : undefined,
    items: items.length > 0 ? items : undefined,
  });
}

interface ListEntry {
  readonly name: string;
  /** Absent for a common prefix. */
  readonly object: GcsObject | undefined;
}

function listPage(call: GcsCall): { entries: ListEntry[]; nextPageToken: string | undefined } {
  const { request, store, bucket } = call;
  const prefix = parameter(request, 'prefix') ?? '';
  const startOffset = parameter(request, 'startOffset') ?? '';
  const delimiter = parameter(request, 'delimiter') ?? '';
  const limit = pageSize(parameter(request, 'maxResults'));
  const after = readToken(parameter(request, 'pageToken'));
  const names = store
    .names(bucket)
    .filter((name) => name.startsWith(prefix) && compareUtf8(name, startOffset) >= 0);
  const entries: ListEntry[] = [];
  for (const name of names) {
    const cut = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
    const entry = cut === -1 ? name : name.slice(0, cut + delimiter.length);
    const last = entries.at(-1)?.name;
    if (entry === last || (after !== undefined && compareUtf8(entry, after) <= 0)) continue;
    if (entries.length === limit) return { entries, nextPageToken: Buffer.from(last!).toString('base64') };
    entries.push({ name: entry, object: cut === -1 ? store.find(bucket, name) : undefined });
  }
  return { entries, nextPageToken: undefined };
}

/** Bytes of an object, all or a range. */
export function download(call: GcsCall, object: GcsObject, api: 'json' | 'xml'): DoubleAnswer {
  const range = parseRange(call.request.headers['range'], object.sizeBytes);
  if (range === 'unsatisfiable') throw gcsFaults.unsatisfiable();
  const { start, end } = range ?? { start: 0, end: object.sizeBytes - 1 };
  const headers = downloadHeaders(object, api);
  for (const name of ['content-disposition', 'content-type', 'cache-control']) {
    const override = parameter(call.request, `response-${name}`);
    if (override !== undefined) headers[name] = override;
  }
  if (range) headers['content-range'] = `bytes ${start}-${end}/${object.sizeBytes}`;
  return {
    status: range ? 206 : 200,
    headers,
    sizeBytes: end - start + 1,
    body: call.store.read(object, start, end),
  };
}

/** Whoever may not list learns nothing of what is absent. */
export function findObject(call: GcsCall): GcsObject {
  assertPermitted(call.caller, 'storage.objects.get');
  assertBucket(call);
  const object = call.store.find(call.bucket, call.name);
  if (object) return object;
  assertPermitted(call.caller, 'storage.objects.list');
  throw gcsFaults.notFound(call.bucket, call.name);
}

async function stored(
  call: GcsCall,
  object: Pick<NewObject, 'bucket' | 'name' | 'contentType' | 'metadata' | 'headers'>,
  content: AsyncIterable<Buffer>,
  expected: ExpectedDigests,
): Promise<DoubleAnswer> {
  const created = await createObject(call, object, content, expected, preconditionsOf(call.request));
  return jsonAnswer(objectResource(created, call.origin));
}

function describedObject(call: GcsCall, metadata: Record<string, unknown>, uploadType: string | undefined) {
  const text = (name: string) => (typeof metadata[name] === 'string' ? metadata[name] : undefined);
  const name = text('name') ?? parameter(call.request, 'name') ?? '';
  assertObjectName(name);
  const kept = { 'cache-control': text('cacheControl'), 'content-disposition': text('contentDisposition') };
  const headers = Object.fromEntries(
    Object.entries(kept).filter(([, value]) => value !== undefined),
  ) as Record<string, string>;
  const custom = metadata['metadata'] as Record<string, string> | undefined;
  const object = {
    bucket: call.bucket,
    name,
    contentType: text('contentType') ?? uploadType,
    metadata: custom,
    headers,
  };
  const given = headerDigests(call.request);
  return { object, expected: { md5: text('md5Hash') ?? given.md5, crc32c: text('crc32c') ?? given.crc32c } };
}

function pageSize(text: string | undefined): number {
  if (text === undefined) return MAX_RESULTS;
  if (!/^\d+$/.test(text) || Number(text) === 0)
    throw gcsFaults.invalid(`Invalid unsigned integer value: '${text}'.`);
  return Math.min(Number(text), MAX_RESULTS);
}

function readToken(token: string | undefined): string | undefined {
  if (token === undefined || token === '') return undefined;
  const text = Buffer.from(token, 'base64').toString('utf8');
  if (Buffer.from(text).toString('base64') !== token) throw gcsFaults.invalid('Invalid Value');
  return text;
}
