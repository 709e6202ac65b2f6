import type { GcsObject } from './gcs-store.js';

/** An object as the JSON API shows it. */
export function objectResource(object: GcsObject, origin: string): Record<string, unknown> {
  const path = `${encodeURIComponent(object.bucket)}/o/${encodeURIComponent(object.name)}`;
  const time = new Date(object.createdAtMs).toISOString();
  return {
    kind: 'storage#object',
    id: `${object.bucket}/${object.name}/${object.generation}`,
    selfLink: `${origin}/storage/v1/b/${path}`,
    mediaLink: `${origin}/download/storage/v1/b/${path}?generation=${object.generation}&alt=media`,
    name: object.name,
    bucket: object.bucket,
    generation: object.generation,
    metageneration: object.metageneration,
    contentType: object.contentType,
    storageClass: 'STANDARD',
    size: String(object.sizeBytes),
    md5Hash: object.md5Hash,
    crc32c: object.crc32c,
    etag: jsonEtag(object),
    timeCreated: time,
    updated: time,
    timeStorageClassUpdated: time,
    metadata: object.metadata,
    ...camelCaseHeaders(object),
  };
}

/** The JSON API's ETag encodes the generation; the XML API's is the MD5. */
export function jsonEtag(object: GcsObject): string {
  return Buffer.from(`${object.generation}/${object.metageneration}`).toString('base64');
}

export function xmlEtag(object: GcsObject): string {
  if (object.md5Hash === undefined) return `"${jsonEtag(object)}"`;
  return `"${Buffer.from(object.md5Hash, 'base64').toString('hex')}"`;
}

/** Headers of a download, by either API. */
export function downloadHeaders(object: GcsObject, api: 'json' | 'xml'): Record<string, string> {
  const hashes = [
    `crc32c=${object.crc32c}`,
    ...(object.md5Hash === undefined ? [] : [`md5=${object.md5Hash}`]),
  ];
  const metadata = Object.entries(object.metadata ?? {}).map(
    ([name, value]) => [`x-goog-meta-${name}`, value] as const,
  );
  return {
    'accept-ranges': 'bytes',
    ...(object.contentType === undefined ? {} : { 'content-type': object.contentType }),
    etag: api === 'json' ? jsonEtag(object) : xmlEtag(object),
    'last-modified': new Date(object.createdAtMs).toUTCString(),
    'x-goog-generation': object.generation,
    'x-goog-metageneration': object.metageneration,
    'x-goog-hash': hashes.join(','),
    'x-goog-stored-content-encoding': 'identity',
    'x-goog-stored-content-length': String(object.sizeBytes),
    'x-goog-storage-class': 'STANDARD',
    ...object.headers,
    ...Object.fromEntries(metadata),
  };
}

function camelCaseHeaders(object: GcsObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object.headers).map(([name, value]) => [
      name.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
