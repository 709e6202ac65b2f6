import { type Answer, escapeXml, failure, xml } from './answer.ts';
import { Objects, type SunkObject } from './objects.ts';
import { brokenPromise, type SinkRequest } from './request.ts';

export type CallKind =
  | 'put'
  | 'get'
  | 'head'
  | 'delete'
  | 'deleteMany'
  | 'list'
  | 'create'
  | 'part'
  | 'complete'
  | 'abort'
  | 'listParts'
  | 'listUploads'
  | 'bucket'
  | 'other';

type Operation = (request: SinkRequest, objects: Objects) => Answer;

/** Names the S3 operation of a request. */
export function kindOf({ method, key, query }: SinkRequest): CallKind {
  if (key === '') return bucketKind(method, query);
  if (query.has('uploadId')) {
    return ({ PUT: 'part', POST: 'complete', DELETE: 'abort', GET: 'listParts' } as const)[method] ?? 'other';
  }
  if (method === 'POST') return query.has('uploads') ? 'create' : 'other';
  return ({ PUT: 'put', GET: 'get', HEAD: 'head', DELETE: 'delete' } as const)[method] ?? 'other';
}

function bucketKind(method: string, query: URLSearchParams): CallKind {
  if (method === 'POST' && query.has('delete')) return 'deleteMany';
  if (method === 'GET' && query.has('uploads')) return 'listUploads';
  if (method === 'HEAD' || (method === 'GET' && query.has('location'))) return 'bucket';
  return method === 'GET' ? 'list' : 'other';
}

/** Does what the request asks for. */
export function perform(kind: CallKind, request: SinkRequest, objects: Objects): Answer {
  const broken = request.body && brokenPromise(request.body, request.headers);
  return broken ? failure(400, broken) : OPERATIONS[kind](request, objects);
}

const OPERATIONS: Readonly<Record<CallKind, Operation>> = {
  put,
  get: (request, objects) => read(request, objects.get(request.key)),
  head,
  delete: (request, objects) => {
    objects.delete(request.key);
    return { status: 204 };
  },
  deleteMany,
  list,
  create: (request, objects) => {
    const id = objects.createUpload(request.key, contentTypeOf(request));
    const names = `<Bucket>${request.bucket}</Bucket><Key>${escapeXml(request.key)}</Key>`;
    return xml('InitiateMultipartUploadResult', `${names}<UploadId>${id}</UploadId>`);
  },
  part,
  complete,
  abort: (request, objects) => {
    objects.abort(request.query.get('uploadId') ?? '');
    return { status: 204 };
  },
  listParts,
  listUploads,
  bucket: ({ query }) => (query.has('location') ? xml('LocationConstraint', '') : { status: 200 }),
  other: () => failure(501, 'NotImplemented'),
};

function put(request: SinkRequest, objects: Objects): Answer {
  if (mustBeNew(request) && objects.get(request.key)) return failure(412, 'PreconditionFailed');
  const object = objects.put(request.key, request.sizeBytes, contentTypeOf(request), request.body);
  return { status: 200, headers: { etag: `"${object.etag}"` } };
}

function read(request: SinkRequest, object: SunkObject | undefined): Answer {
  if (!object) return failure(404, 'NoSuchKey');
  const range = request.headers.get('range');
  const [start, end] = range ? resolveRange(range, object.sizeBytes) : [0, object.sizeBytes - 1];
  if (start > end && object.sizeBytes > 0) return failure(416, 'InvalidRange');
  const partial: Record<string, string> = range
    ? { 'content-range': `bytes ${start}-${end}/${object.sizeBytes}` }
    : {};
  const headers = { ...describe(object), ...partial };
  const status = range ? 206 : 200;
  if (object.body) return { status, headers, body: object.body.subarray(start, end + 1) };
  return { status, headers, pattern: { offset: start, length: end - start + 1 } };
}

function head(request: SinkRequest, objects: Objects): Answer {
  const object = objects.get(request.key);
  if (!object) return { status: 404 };
  return { status: 200, headers: { ...describe(object), 'content-length': object.sizeBytes } };
}

function part(request: SinkRequest, objects: Objects): Answer {
  const upload = objects.upload(request.query.get('uploadId') ?? '');
  if (!upload) return failure(404, 'NoSuchUpload');
  const number = Number(request.query.get('partNumber'));
  const etag = objects.putPart(upload, number, request.sizeBytes, request.body);
  return { status: 200, headers: { etag: `"${etag}"` } };
}

function complete(request: SinkRequest, objects: Objects): Answer {
  const id = request.query.get('uploadId') ?? '';
  const upload = objects.upload(id);
  if (!upload) return failure(404, 'NoSuchUpload');
  if (mustBeNew(request) && objects.get(upload.key)) return failure(412, 'PreconditionFailed');
  const object = objects.complete(id, upload);
  const names = `<Bucket>${request.bucket}</Bucket><Key>${escapeXml(upload.key)}</Key>`;
  return xml('CompleteMultipartUploadResult', `${names}<ETag>"${object.etag}"</ETag>`);
}

function deleteMany(request: SinkRequest, objects: Objects): Answer {
  const keys = [...(request.body?.toString() ?? '').matchAll(/<Key>([^<]*)<\/Key>/g)].map(
    ([, key]) => key ?? '',
  );
  for (const key of keys) objects.delete(key);
  return xml('DeleteResult', keys.map((key) => `<Deleted><Key>${key}</Key></Deleted>`).join(''));
}

function list({ query, bucket }: SinkRequest, objects: Objects): Answer {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? query.get('start-after') ?? query.get('marker') ?? '';
  const { keys, more } = objects.list(prefix, after, Math.min(1000, Number(query.get('max-keys') ?? 1000)));
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : escapeXml;
  const contents = keys.map((key) => {
    const { sizeBytes, etag, modified } = objects.get(key)!;
    return `<Contents><Key>${encode(key)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>"${etag}"</ETag><Size>${sizeBytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const last = keys.at(-1) ?? '';
  const next = more ? `<NextContinuationToken>${escapeXml(last)}</NextContinuationToken>` : '';
  const encoding = query.has('encoding-type') ? '<EncodingType>url</EncodingType>' : '';
  const facts = `<Name>${bucket}</Name><Prefix>${encode(prefix)}</Prefix><KeyCount>${keys.length}</KeyCount><MaxKeys>1000</MaxKeys>`;
  const page = `${facts}${encoding}<IsTruncated>${more}</IsTruncated>${next}`;
  return xml('ListBucketResult', page + contents.join(''));
}

function listParts({ query, bucket, key }: SinkRequest, objects: Objects): Answer {
  const id = query.get('uploadId') ?? '';
  const upload = objects.upload(id);
  if (!upload) return failure(404, 'NoSuchUpload');
  const parts = [...upload.parts].map(
    ([number, { sizeBytes, etag }]) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag><Size>${sizeBytes}</Size></Part>`,
  );
  const names = `<Bucket>${bucket}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId>`;
  return xml('ListPartsResult', `${names}<IsTruncated>false</IsTruncated>${parts.join('')}`);
}

function listUploads({ query, bucket }: SinkRequest, objects: Objects): Answer {
  const uploads = objects
    .unfinished(query.get('prefix') ?? '')
    .map(
      ({ id, key }) =>
        `<Upload><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId><Initiated>${new Date().toISOString()}</Initiated></Upload>`,
    );
  const facts = `<Bucket>${bucket}</Bucket><IsTruncated>false</IsTruncated>`;
  return xml('ListMultipartUploadsResult', facts + uploads.join(''));
}

function describe(object: SunkObject): Record<string, string> {
  return {
    etag: `"${object.etag}"`,
    'content-type': object.contentType,
    'last-modified': object.modified.toUTCString(),
    'accept-ranges': 'bytes',
  };
}

function contentTypeOf({ headers }: SinkRequest): string {
  return headers.get('content-type') ?? 'binary/octet-stream';
}

function mustBeNew({ headers }: SinkRequest): boolean {
  return headers.get('if-none-match') === '*';
}

/** First and last byte, both inclusive; an empty range when the header asks for nothing that exists. */
function resolveRange(header: string, sizeBytes: number): [number, number] {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === '') return [Math.max(0, sizeBytes - Number(last)), sizeBytes - 1];
  return [Number(first), last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)];
}
