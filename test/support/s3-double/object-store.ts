import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { FolderBodies, MemoryBodies, readSegments, type BodyStore, type Segment } from '../body-store.js';
import { compareUtf8 } from '../byte-order.js';
import { Journal } from '../journal.js';
import { S3Fault } from './s3-fault.js';
import { compositeChecksum, S3_CHECKSUMS, type S3Checksum } from './verified-body.js';

/** What travels with an object's bytes. */
export interface ObjectProperties {
  /** Headers given back on GET and HEAD: content-type, cache-control, x-amz-meta-*, ... */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ObjectVersion extends ObjectProperties {
  readonly versionId: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
  readonly segments: readonly Segment[];
  readonly checksums: Partial<Record<S3Checksum, string>>;
  /** A delete marker: the key is hidden, older versions stay. */
  readonly marker: boolean;
}

export interface UploadPart {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly md5Hex: string;
  readonly checksums: Partial<Record<S3Checksum, string>>;
  readonly lastModifiedMs: number;
  readonly segment: Segment;
}

export interface MultipartUpload extends ObjectProperties {
  readonly uploadId: string;
  readonly bucket: string;
  readonly key: string;
  readonly startedAtMs: number;
  readonly parts: Map<number, UploadPart>;
}

export interface Bucket {
  readonly name: string;
  readonly region: string;
  /** Newest version last. */
  readonly objects: Map<string, ObjectVersion[]>;
}

type Change =
  | { readonly type: 'bucket'; readonly name: string; readonly region: string }
  | { readonly type: 'bucket_gone'; readonly name: string }
  | {
      readonly type: 'put';
      readonly bucket: string;
      readonly key: string;
      readonly version: ObjectVersion;
      readonly keepOlder: boolean;
    }
  | { readonly type: 'drop'; readonly bucket: string; readonly key: string; readonly versionId?: string }
  | { readonly type: 'upload'; readonly upload: Omit<MultipartUpload, 'parts'> }
  | { readonly type: 'part'; readonly uploadId: string; readonly part: UploadPart }
  | { readonly type: 'upload_gone'; readonly uploadId: string };

/**
 * The double's objects. Every change is one record that is applied in one go, and, with a folder, written
 * down first: a restarted double answers as the killed one did.
 */
export class ObjectStore {
  readonly bodies: BodyStore;
  readonly #journal: Journal<Change> | undefined;
  readonly #buckets = new Map<string, Bucket>();
  readonly #uploads = new Map<string, MultipartUpload>();
  readonly #sortedKeys = new Map<string, readonly string[]>();

  constructor(folder?: string) {
    this.bodies = folder === undefined ? new MemoryBodies() : new FolderBodies(join(folder, 'bodies'));
    this.#journal = folder === undefined ? undefined : new Journal<Change>(join(folder, 'journal.ndjson'));
    for (const change of this.#journal?.replay() ?? []) this.#apply(change);
  }

  close(): void {
    this.#journal?.close();
  }

  get buckets(): readonly Bucket[] {
    return [...this.#buckets.values()];
  }

  findBucket(name: string): Bucket | undefined {
    return this.#buckets.get(name);
  }

  addBucket(name: string, region: string): void {
    this.#commit({ type: 'bucket', name, region });
  }

  removeBucket(name: string): void {
    this.#commit({ type: 'bucket_gone', name });
  }

  /** The current version; undefined when there is none or it is hidden by a delete marker. */
  find(bucket: string, key: string): ObjectVersion | undefined {
    const newest = this.#buckets.get(bucket)?.objects.get(key)?.at(-1);
    return newest?.marker ? undefined : newest;
  }

  /** All keys in UTF-8 byte order, the hidden ones too. */
  sortedKeys(bucket: string): readonly string[] {
    let keys = this.#sortedKeys.get(bucket);
    if (!keys) {
      keys = [...(this.#buckets.get(bucket)?.objects.keys() ?? [])].sort(compareUtf8);
      this.#sortedKeys.set(bucket, keys);
    }
    return keys;
  }

  put(
    bucket: string,
    key: string,
    version: Omit<ObjectVersion, 'versionId'>,
    keepOlder: boolean,
  ): ObjectVersion {
    const versionId = keepOlder ? randomBytes(16).toString('hex') : 'null';
    const stored = { ...version, versionId };
    this.#commit({ type: 'put', bucket, key, version: stored, keepOlder });
    return stored;
  }

  /** Removes one version, or all of them. */
  drop(bucket: string, key: string, versionId?: string): void {
    this.#commit({ type: 'drop', bucket, key, versionId });
  }

  read(version: ObjectVersion, start: number, end: number): Readable {
    return readSegments(this.bodies, version.segments, start, end);
  }

  createUpload(upload: Omit<MultipartUpload, 'parts' | 'uploadId'>): string {
    const uploadId = randomBytes(24).toString('base64url');
    this.#commit({ type: 'upload', upload: { ...upload, uploadId } });
    return uploadId;
  }

  /** @throws S3Fault NoSuchUpload, also when the upload is for another key */
  upload(bucket: string, key: string, uploadId: string): MultipartUpload {
    const upload = this.#uploads.get(uploadId);
    if (!upload || upload.bucket !== bucket || upload.key !== key) {
      throw new S3Fault('NoSuchUpload', { details: { UploadId: uploadId } });
    }
    return upload;
  }

  uploads(bucket: string): readonly MultipartUpload[] {
    return [...this.#uploads.values()].filter((upload) => upload.bucket === bucket);
  }

  putPart(uploadId: string, part: UploadPart): void {
    this.#commit({ type: 'part', uploadId, part });
  }

  /** Turns listed parts into the object and forgets the upload, in that order. */
  complete(
    upload: MultipartUpload,
    parts: readonly UploadPart[],
    nowMs: number,
    keepOlder: boolean,
  ): ObjectVersion {
    const version = this.put(upload.bucket, upload.key, assemble(upload, parts, nowMs), keepOlder);
    const used = new Set(parts.map((part) => part.segment.bodyId));
    for (const part of upload.parts.values()) {
      if (!used.has(part.segment.bodyId)) void this.bodies.remove(part.segment);
    }
    this.#commit({ type: 'upload_gone', uploadId: upload.uploadId });
    return version;
  }

  abort(upload: MultipartUpload): void {
    for (const part of upload.parts.values()) void this.bodies.remove(part.segment);
    this.#commit({ type: 'upload_gone', uploadId: upload.uploadId });
  }

  #commit(change: Change): void {
    this.#journal?.append(change);
    this.#apply(change);
  }

  #apply(change: Change): void {
    switch (change.type) {
      case 'bucket':
        this.#buckets.set(change.name, { name: change.name, region: change.region, objects: new Map() });
        return;
      case 'bucket_gone':
        this.#buckets.delete(change.name);
        return;
      case 'put':
        this.#applyPut(change.bucket, change.key, change.version, change.keepOlder);
        return;
      case 'drop':
        this.#applyDrop(change.bucket, change.key, change.versionId);
        return;
      case 'upload':
        this.#uploads.set(change.upload.uploadId, { ...change.upload, parts: new Map() });
        return;
      case 'part':
        this.#applyPart(change.uploadId, change.part);
        return;
      case 'upload_gone':
        this.#uploads.delete(change.uploadId);
    }
  }

  #applyPart(uploadId: string, part: UploadPart): void {
    const parts = this.#uploads.get(uploadId)?.parts;
    const replaced = parts?.get(part.partNumber);
    if (replaced) void this.bodies.remove(replaced.segment);
    parts?.set(part.partNumber, part);
  }

  #applyPut(bucket: string, key: string, version: ObjectVersion, keepOlder: boolean): void {
    const objects = this.#buckets.get(bucket)!.objects;
    const older = objects.get(key);
    if (!older) this.#sortedKeys.delete(bucket);
    if (!keepOlder) older?.forEach((old) => this.#removeBodies(old));
    objects.set(key, keepOlder && older ? [...older, version] : [version]);
  }

  #applyDrop(bucket: string, key: string, versionId: string | undefined): void {
    const objects = this.#buckets.get(bucket)!.objects;
    const versions = objects.get(key) ?? [];
    const dropped = versions.filter((version) => versionId === undefined || version.versionId === versionId);
    dropped.forEach((version) => this.#removeBodies(version));
    const left = versions.filter((version) => !dropped.includes(version));
    if (left.length > 0) objects.set(key, left);
    else if (objects.delete(key)) this.#sortedKeys.delete(bucket);
  }

  #removeBodies(version: ObjectVersion): void {
    for (const segment of version.segments) void this.bodies.remove(segment);
  }
}

/** The ETag of a multipart object: MD5 over its parts' MD5s, with their number. */
function assemble(
  upload: MultipartUpload,
  parts: readonly UploadPart[],
  nowMs: number,
): Omit<ObjectVersion, 'versionId'> {
  const md5s = Buffer.concat(parts.map((part) => Buffer.from(part.md5Hex, 'hex')));
  const checksums: Partial<Record<S3Checksum, string>> = {};
  for (const algorithm of S3_CHECKSUMS) {
    const digests = parts.map((part) => part.checksums[algorithm]);
    if (digests.every((digest) => digest !== undefined))
      checksums[algorithm] = compositeChecksum(algorithm, digests);
  }
  return {
    headers: upload.headers,
    sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
    etag: `${createHash('md5').update(md5s).digest('hex')}-${parts.length}`,
    lastModifiedMs: nowMs,
    segments: parts.map((part) => part.segment),
    checksums,
    marker: false,
  };
}
