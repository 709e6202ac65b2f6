import { childText, parseXml, tag, XML_DECLARATION, XmlSyntaxError, type XmlElement } from '../xml.js';
import { parseRange } from '../byte-range.js';
import { assertConditionsSupported, assertWriteConditions, readCondition } from './conditions.js';
import { storeBody } from './object-writes.js';
import type { ObjectVersion } from './object-store.js';
import {
  assertAllowed,
  findBucket,
  readDocument,
  xmlAnswer,
  XML_NAMESPACE,
  type S3Answer,
  type S3Call,
} from './s3-call.js';
import { S3Fault } from './s3-fault.js';
import { parameter } from '../raw-request.js';
import { isAllowed } from './users.js';

const MAX_DELETES = 1000;
const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
] as const;

export async function putObject(call: S3Call): Promise<S3Answer> {
  const { store, request, personality } = call;
  assertAllowed(call, 's3:PutObject');
  findBucket(call);
  assertConditionsSupported(call);
  const stored = await storeBody(call);
  try {
    assertWriteConditions(call);
  } catch (error) {
    await store.bodies.remove(stored.segment);
    throw error;
  }
  const version = store.put(
    request.bucket,
    request.key,
    {
      headers: keptHeaders(call),
      sizeBytes: stored.segment.sizeBytes,
      etag: stored.md5Hex,
      lastModifiedMs: call.nowMs,
      segments: [stored.segment],
      checksums: stored.checksums,
      marker: false,
    },
    personality.deleteHides,
  );
  return {
    status: 200,
    headers: { etag: `"${version.etag}"`, ...checksumHeaders(version), ...versionHeader(version) },
  };
}

export async function getObject(call: S3Call): Promise<S3Answer> {
  const version = findObject(call);
  if (readCondition(call, version) === 'not_modified')
    return { status: 304, headers: { etag: `"${version.etag}"` } };
  const honoured = call.personality.ranges === 'honoured';
  const range = parseRange(honoured ? call.request.headers['range'] : undefined, version.sizeBytes);
  if (range === 'unsatisfiable') {
    throw new S3Fault('InvalidRange', {
      details: { RangeRequested: call.request.headers['range']!, ActualObjectSize: version.sizeBytes },
      headers: { 'content-range': `bytes */${version.sizeBytes}` },
    });
  }
  const { start, end } = range ?? { start: 0, end: version.sizeBytes - 1 };
  const headers = objectHeaders(call, version);
  if (range) headers['content-range'] = `bytes ${start}-${end}/${version.sizeBytes}`;
  return {
    status: range ? 206 : 200,
    headers,
    sizeBytes: end - start + 1,
    body: call.request.method === 'HEAD' ? undefined : call.store.read(version, start, end),
  };
}

/** Answers 204 whether or not the key was there, as S3 does. */
export async function deleteObject(call: S3Call): Promise<S3Answer> {
  const versionId = parameter(call.request, 'versionId');
  assertAllowed(call, versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion');
  findBucket(call);
  const marker = removeKey(call, call.request.key, versionId);
  return { status: 204, headers: marker ? { 'x-amz-delete-marker': 'true', ...versionHeader(marker) } : {} };
}

export async function deleteObjects(call: S3Call): Promise<S3Answer> {
  findBucket(call);
  assertBodyDigestGiven(call);
  const document = parseDocument(await readDocument(call), 'Delete');
  const targets = document.children.filter((child) => child.name === 'Object');
  if (targets.length === 0 || targets.length > MAX_DELETES) throw new S3Fault('MalformedXML');
  const quiet = childText(document, 'Quiet') === 'true';
  const results = targets.map((target) => {
    const key = childText(target, 'Key');
    if (key === undefined) throw new S3Fault('MalformedXML');
    if (!isAllowed(call.authentication.user, 's3:DeleteObject')) {
      return `<Error>${tag('Key', key)}<Code>AccessDenied</Code><Message>Access Denied</Message></Error>`;
    }
    removeKey(call, key, childText(target, 'VersionId'));
    return quiet ? '' : `<Deleted>${tag('Key', key)}</Deleted>`;
  });
  return xmlAnswer(
    `${XML_DECLARATION}<DeleteResult xmlns="${XML_NAMESPACE}">${results.join('')}</DeleteResult>`,
  );
}

/** The document's root. @throws S3Fault MalformedXML */
export function parseDocument(source: string, name: string): XmlElement {
  try {
    const document = parseXml(source);
    if (document.name === name) return document;
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
  }
  throw new S3Fault('MalformedXML');
}

/** Object headers that S3 keeps and gives back. */
export function keptHeaders(call: S3Call): Record<string, string> {
  const { headers } = call.request;
  const kept = Object.entries(headers).filter(
    ([name]) => name.startsWith('x-amz-meta-') || (OVERRIDES as readonly string[]).includes(name),
  );
  const encoding = headers['content-encoding']
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== 'aws-chunked')
    .join(',');
  const result: Record<string, string> = {
    'content-type': 'binary/octet-stream',
    ...Object.fromEntries(kept),
  };
  if (encoding) result['content-encoding'] = encoding;
  else delete result['content-encoding'];
  return result;
}

export function checksumHeaders(version: ObjectVersion): Record<string, string> {
  return Object.fromEntries(
    Object.entries(version.checksums).map(([algorithm, digest]) => [`x-amz-checksum-${algorithm}`, digest]),
  );
}

export function isoTime(version: { readonly lastModifiedMs: number }): string {
  return new Date(version.lastModifiedMs).toISOString();
}

function findObject(call: S3Call): ObjectVersion {
  assertAllowed(call, 's3:GetObject');
  findBucket(call);
  const { bucket, key } = call.request;
  const versionId = parameter(call.request, 'versionId');
  const versions = call.store.findBucket(bucket)?.objects.get(key) ?? [];
  const version =
    versionId === undefined ? versions.at(-1) : versions.find((one) => one.versionId === versionId);
  if (version && !version.marker) return version;
  // Who may not list may not learn what is absent.
  assertAllowed(call, 's3:ListBucket');
  throw new S3Fault('NoSuchKey', {
    details: { Key: key },
    headers: version?.marker ? { 'x-amz-delete-marker': 'true' } : {},
  });
}

function objectHeaders(call: S3Call, version: ObjectVersion): Record<string, string> {
  const headers: Record<string, string> = {
    'accept-ranges': 'bytes',
    etag: `"${version.etag}"`,
    'last-modified': new Date(version.lastModifiedMs).toUTCString(),
    ...version.headers,
    ...versionHeader(version),
  };
  const whole = call.request.headers['range'] === undefined;
  if (whole && call.request.headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED') {
    Object.assign(headers, checksumHeaders(version));
  }
  for (const name of OVERRIDES) {
    const override = parameter(call.request, `response-${name}`);
    if (override !== undefined) headers[name] = override;
  }
  return headers;
}

function removeKey(call: S3Call, key: string, versionId: string | undefined): ObjectVersion | undefined {
  const { store, request, personality, nowMs } = call;
  if (versionId !== undefined || !personality.deleteHides) {
    store.drop(request.bucket, key, versionId);
    return undefined;
  }
  const marker = {
    headers: {},
    sizeBytes: 0,
    etag: '',
    lastModifiedMs: nowMs,
    segments: [],
    checksums: {},
    marker: true,
  };
  return store.put(request.bucket, key, marker, true);
}

export function versionHeader(version: ObjectVersion): Record<string, string> {
  return version.versionId === 'null' ? {} : { 'x-amz-version-id': version.versionId };
}

function assertBodyDigestGiven({ request, personality }: S3Call): void {
  const names = Object.keys(request.headers);
  const given = names.some((name) => name === 'content-md5' || /^x-amz-checksum-(crc|sha)/.test(name));
  if (given || personality.contentMd5 === 'ignored') return;
  throw new S3Fault('InvalidRequest', {
    message: 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
  });
}
