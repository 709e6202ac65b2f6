import type { DoubleAnswer } from '../double-server.js';
import { parameter, type RawRequest } from '../raw-request.js';
import type { GcsCall } from './gcs-call.js';
import { GcsFault } from './gcs-fault.js';
import * as json from './json-api.js';
import { rewriteObject } from './rewrite-object.js';
import * as xml from './xml-api.js';

export interface GcsOperation {
  /** `storage.objects.list` as in the JSON API's reference; `xml.PutObject` for the XML API. */
  readonly name: string;
  readonly api: 'json' | 'xml';
  readonly bucket: string;
  readonly object: string;
  /** Needs no token: its URL is the secret. */
  readonly bySessionUrl?: boolean;
  run(call: GcsCall): Promise<DoubleAnswer>;
}

/** Which call of Google Cloud Storage a request is. @throws URIError for a malformed path */
export function operationOf(request: RawRequest): GcsOperation {
  const path = request.rawPath;
  const upload = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(path);
  if (upload) return uploadOperation(request, decodeURIComponent(upload[1]!));
  const rewrite = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)\/rewriteTo\/b\/([^/]+)\/o\/([^/]+)$/.exec(path);
  if (rewrite) return rewriteOperation(request, rewrite.slice(1).map(decodeURIComponent));
  const jsonPath = /^(?:\/download)?\/storage\/v1\/b\/([^/]+)(\/o(?:\/([^/]+))?)?$/.exec(path);
  if (jsonPath) {
    const bucket = decodeURIComponent(jsonPath[1]!);
    return jsonOperation(request, bucket, jsonPath[2] !== undefined, decodeURIComponent(jsonPath[3] ?? ''));
  }
  const [bucket, ...object] = decodeURIComponent(path).slice(1).split('/');
  return xmlOperation(request, bucket!, object.join('/'));
}

function uploadOperation(request: RawRequest, bucket: string): GcsOperation {
  const uploadId = parameter(request, 'upload_id');
  const object = parameter(request, 'name') ?? '';
  const base = { api: 'json', bucket, object } as const;
  if (uploadId !== undefined) {
    const name = request.method === 'DELETE' ? 'storage.objects.cancelResumable' : 'storage.objects.resume';
    const run = async (call: GcsCall) =>
      request.method === 'DELETE' ? call.sessions.cancel(uploadId) : call.sessions.receive(call, uploadId);
    return { ...base, name, bySessionUrl: true, run };
  }
  const name = 'storage.objects.insert';
  const starts: Readonly<Record<string, Pick<GcsOperation, 'name' | 'run'>>> = {
    media: { name, run: json.insertMedia },
    multipart: { name, run: json.insertRelated },
    resumable: { name: 'storage.objects.startResumable', run: json.startResumable },
  };
  const start = request.method === 'POST' ? starts[parameter(request, 'uploadType') ?? ''] : undefined;
  return start ? { ...base, ...start } : unknown('json', bucket, object);
}

function rewriteOperation(request: RawRequest, names: readonly string[]): GcsOperation {
  const [bucket, object, targetBucket, target] = names as [string, string, string, string];
  if (request.method !== 'POST') return unknown('json', bucket, object);
  const run = (call: GcsCall) => rewriteObject(call, targetBucket, target);
  return { api: 'json', bucket, object, name: 'storage.objects.rewrite', run };
}

function jsonOperation(request: RawRequest, bucket: string, objects: boolean, object: string): GcsOperation {
  const base = { api: 'json', bucket, object } as const;
  const { method } = request;
  if (!objects && method === 'GET') return { ...base, name: 'storage.buckets.get', run: json.getBucket };
  if (objects && object === '' && method === 'GET')
    return { ...base, name: 'storage.objects.list', run: json.listObjects };
  if (object !== '' && method === 'GET') return { ...base, name: 'storage.objects.get', run: json.getObject };
  if (object !== '' && method === 'DELETE')
    return { ...base, name: 'storage.objects.delete', run: json.deleteObject };
  return unknown('json', bucket, object);
}

function xmlOperation(request: RawRequest, bucket: string, object: string): GcsOperation {
  const base = { api: 'xml', bucket, object } as const;
  const upload = parameter(request, 'uploadId') !== undefined;
  const uploads = parameter(request, 'uploads') !== undefined;
  const table: Readonly<Record<string, Omit<GcsOperation, keyof typeof base> | undefined>> = {
    'GET bucket': uploads ? { name: 'xml.ListMultipartUploads', run: xml.listUploads } : undefined,
    'PUT object': upload
      ? { name: 'xml.UploadPart', run: xml.uploadPart }
      : { name: 'xml.PutObject', run: xml.putObject },
    'GET object': upload
      ? { name: 'xml.ListParts', run: xml.listParts }
      : { name: 'xml.GetObject', run: xml.getObject },
    'HEAD object': { name: 'xml.HeadObject', run: xml.getObject },
    'DELETE object': upload
      ? { name: 'xml.AbortMultipartUpload', run: xml.abortUpload }
      : { name: 'xml.DeleteObject', run: xml.deleteObject },
    'POST object': upload
      ? { name: 'xml.CompleteMultipartUpload', run: xml.completeUpload }
      : uploads
        ? { name: 'xml.CreateMultipartUpload', run: xml.createUpload }
        : undefined,
  };
  const found = table[`${request.method} ${object === '' ? 'bucket' : 'object'}`];
  return found ? { ...base, ...found } : unknown('xml', bucket, object);
}

function unknown(api: 'json' | 'xml', bucket: string, object: string): GcsOperation {
  return {
    name: 'unknown',
    api,
    bucket,
    object,
    run: async () => {
      throw new GcsFault(404, 'notFound', 'Not Found', { code: 'MethodNotAllowed' });
    },
  };
}
