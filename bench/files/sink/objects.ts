import { createHash } from 'node:crypto';

/** An object of the sink. Without `body` its bytes are those of the pattern. */
export interface SunkObject {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modified: Date;
  readonly contentType: string;
  readonly body?: Buffer;
}

interface SunkUpload {
  readonly key: string;
  readonly contentType: string;
  readonly parts: Map<number, { sizeBytes: number; etag: string; body?: Buffer }>;
}

/** Names and sizes of all objects. Bodies are kept only while `keepsBodies`: for proofs before the measuring. */
export class Objects {
  keepsBodies = true;
  private readonly objects = new Map<string, SunkObject>();
  private readonly uploads = new Map<string, SunkUpload>();
  private made = 0;

  get(key: string): SunkObject | undefined {
    return this.objects.get(key);
  }

  put(key: string, sizeBytes: number, contentType: string, body?: Buffer): SunkObject {
    const object = { sizeBytes, etag: this.etag(body), modified: new Date(), contentType, body };
    this.objects.set(key, object);
    return object;
  }

  delete(key: string): void {
    this.objects.delete(key);
  }

  /** Up to `limit` keys after `after` that start with `prefix`, sorted; `more` when there are others. */
  list(prefix: string, after: string, limit: number): { keys: string[]; more: boolean } {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    return { keys: keys.slice(0, limit), more: keys.length > limit };
  }

  createUpload(key: string, contentType: string): string {
    const id = `upload-${++this.made}`;
    this.uploads.set(id, { key, contentType, parts: new Map() });
    return id;
  }

  upload(id: string): SunkUpload | undefined {
    return this.uploads.get(id);
  }

  unfinished(prefix: string): { id: string; key: string }[] {
    return [...this.uploads]
      .map(([id, { key }]) => ({ id, key }))
      .filter(({ key }) => key.startsWith(prefix));
  }

  putPart(upload: SunkUpload, number: number, sizeBytes: number, body?: Buffer): string {
    const etag = this.etag(body);
    upload.parts.set(number, { sizeBytes, etag, body });
    return etag;
  }

  complete(id: string, upload: SunkUpload): SunkObject {
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    const bodies = parts.map((part) => part.body).filter((body) => body !== undefined);
    this.uploads.delete(id);
    const body = bodies.length === parts.length ? Buffer.concat(bodies) : undefined;
    return this.put(upload.key, sizeBytes, upload.contentType, body);
  }

  abort(id: string): void {
    this.uploads.delete(id);
  }

  /** The real MD5 where the body is known; hashing discarded bodies would make the sink the bottleneck. */
  private etag(body: Buffer | undefined): string {
    if (body) return createHash('md5').update(body).digest('hex');
    return (++this.made).toString(16).padStart(32, '0');
  }
}
