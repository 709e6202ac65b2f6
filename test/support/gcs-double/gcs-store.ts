import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { MemoryBodies, readSegments, type BodyStore, type Segment } from '../body-store.js';
import { compareUtf8 } from '../byte-order.js';

export interface GcsObject {
  readonly bucket: string;
  readonly name: string;
  /** Microseconds since 1970: what Google uses as a generation. */
  readonly generation: string;
  readonly metageneration: string;
  readonly contentType: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly sizeBytes: number;
  /** Base64; absent for objects made of parts. */
  readonly md5Hash: string | undefined;
  readonly crc32c: string;
  readonly createdAtMs: number;
  readonly segments: readonly Segment[];
}

export interface GcsPart {
  readonly partNumber: number;
  readonly md5Hex: string;
  readonly segment: Segment;
  readonly lastModifiedMs: number;
}

export interface GcsUpload {
  readonly uploadId: string;
  readonly bucket: string;
  readonly name: string;
  readonly contentType: string | undefined;
  readonly startedAtMs: number;
  readonly parts: Map<number, GcsPart>;
}

export type NewObject = Omit<GcsObject, 'generation' | 'metageneration'>;

/** Buckets, objects and unfinished XML uploads, in memory. */
export class GcsStore {
  readonly bodies: BodyStore = new MemoryBodies();
  readonly uploads = new Map<string, GcsUpload>();
  readonly #buckets = new Map<string, Map<string, GcsObject>>();
  #generation = 0;

  addBucket(name: string): void {
    this.#buckets.set(name, new Map());
  }

  hasBucket(name: string): boolean {
    return this.#buckets.has(name);
  }

  find(bucket: string, name: string): GcsObject | undefined {
    return this.#buckets.get(bucket)?.get(name);
  }

  /** In UTF-8 byte order. */
  names(bucket: string): readonly string[] {
    return [...(this.#buckets.get(bucket)?.keys() ?? [])].sort(compareUtf8);
  }

  put(object: NewObject): GcsObject {
    this.#generation = Math.max(this.#generation + 1, object.createdAtMs * 1000);
    const stored = { ...object, generation: String(this.#generation), metageneration: '1' };
    const objects = this.#buckets.get(object.bucket)!;
    this.#removeBodies(objects.get(object.name));
    objects.set(object.name, stored);
    return stored;
  }

  remove(bucket: string, name: string): void {
    const objects = this.#buckets.get(bucket);
    this.#removeBodies(objects?.get(name));
    objects?.delete(name);
  }

  read(object: GcsObject, start: number, end: number): Readable {
    return readSegments(this.bodies, object.segments, start, end);
  }

  openUpload(upload: Omit<GcsUpload, 'uploadId' | 'parts'>): GcsUpload {
    const opened = {
      ...upload,
      uploadId: randomBytes(48).toString('base64url'),
      parts: new Map<number, GcsPart>(),
    };
    this.uploads.set(opened.uploadId, opened);
    return opened;
  }

  #removeBodies(object: GcsObject | undefined): void {
    for (const segment of object?.segments ?? []) void this.bodies.remove(segment);
  }
}
