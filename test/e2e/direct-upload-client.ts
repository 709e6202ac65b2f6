import type { ApiFile, FilesClient } from './files-client.js';

export interface PartUrl {
  readonly part_number: number;
  readonly size: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_at: string;
}

export interface ApiUpload {
  readonly id: string;
  readonly state: string;
  readonly method: 'put' | 'multipart';
  readonly part_size: number | null;
  readonly part_count: number;
  readonly file_id: number | null;
  readonly expires_at: string;
  readonly urls: readonly PartUrl[];
}

export interface DirectFile extends ApiFile {
  readonly checksum_source: string;
  readonly folder: string;
  readonly version: number;
}

const UPLOADS = '/api/v1/uploads';

export function createUpload(client: FilesClient, body: object): Promise<ApiUpload> {
  return client.json('POST', UPLOADS, body);
}

/** What a browser does with a URL: plain `fetch`, no key. */
export function send(part: Pick<PartUrl, 'url' | 'headers'>, body: Uint8Array): Promise<Response> {
  const { url, headers } = part;
  return fetch(url, { method: 'PUT', headers, body: body as Uint8Array<ArrayBuffer> });
}

/** @throws Error when the bucket does not take it @returns its ETag, where the bucket answers one */
export async function sendAll(
  part: PartUrl,
  whole: Uint8Array,
  partBytes: number,
): Promise<string | undefined> {
  const start = (part.part_number - 1) * partBytes;
  const response = await send(part, whole.subarray(start, start + part.size));
  if (!response.ok) throw new Error(`The bucket answered ${response.status}: ${await response.text()}`);
  return response.headers.get('etag') ?? undefined;
}

export async function signParts(
  client: FilesClient,
  id: string,
  numbers: readonly number[],
): Promise<readonly PartUrl[]> {
  const path = `${UPLOADS}/${id}/urls`;
  return (await client.json<{ data: PartUrl[] }>('POST', path, { part_numbers: numbers })).data;
}

export async function arrivedParts(
  client: FilesClient,
  id: string,
): Promise<readonly { part_number: number; size: number; etag: string }[]> {
  const path = `${UPLOADS}/${id}/parts`;
  return (await client.json<{ data: { part_number: number; size: number; etag: string }[] }>('GET', path))
    .data;
}

export function complete(client: FilesClient, id: string, body: object = {}): Promise<Response> {
  return client.fetch(`${UPLOADS}/${id}/complete`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Of an upload that must be complete. */
export async function completed(client: FilesClient, id: string, body: object = {}): Promise<DirectFile> {
  const response = await complete(client, id, body);
  if (!response.ok)
    throw new Error(`The completion was answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as DirectFile;
}

/** Status and code of an answer. */
export async function outcome(response: Response): Promise<string> {
  const text = await response.text();
  const code = text === '' ? '' : ((JSON.parse(text) as { code?: string }).code ?? '');
  return `${response.status} ${code}`.trim();
}
