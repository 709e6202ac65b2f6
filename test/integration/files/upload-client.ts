import { expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { MIB } from '../../../src/files/upload-limits.js';
import { fingerprint } from '../../support/same-bytes.js';
import { formBody, type FormPartOptions, formType } from './form-body.js';
import { UploadServer } from './upload-server.js';

export interface UploadedFile {
  readonly id: number;
  readonly filename: string;
  readonly sizeBytes: number;
  readonly checksum: string;
  readonly contentType: string;
  readonly objectKey: string;
}

export interface Outcome {
  readonly status: number;
  readonly many?: boolean;
  readonly files?: readonly UploadedFile[];
  readonly code?: string;
  readonly message?: string;
}

/** One file, to be changed. */
export const FILE: FormPartOptions = { name: 'file', filename: 'a.bin', content: '' };

/** Sends uploads and looks at what became of them. */
export class UploadClient {
  private constructor(readonly server: UploadServer) {}

  static async start(): Promise<UploadClient> {
    return new UploadClient(await UploadServer.start());
  }

  async send(
    body: Buffer,
    type: string,
    options: { readonly chunked?: boolean; readonly query?: string } = {},
  ): Promise<Outcome> {
    const response = await fetch(`${this.server.url}${options.query ?? ''}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: options.chunked ? (Readable.toWeb(Readable.from(slices(body))) as never) : new Uint8Array(body),
      duplex: 'half',
    });
    return { status: response.status, ...((await response.json()) as object) };
  }

  sendForm(
    parts: readonly FormPartOptions[],
    options: { readonly chunked?: boolean } = {},
  ): Promise<Outcome> {
    return this.send(formBody(parts), formType(), options);
  }

  async contentOf(objectKey: string): Promise<Buffer> {
    const { body } = await this.server.storage.get(objectKey);
    return Buffer.concat((await body.toArray()) as Buffer[]);
  }

  /** What the bucket was asked, without the looks of these checks. */
  calls(): string[] {
    const { calls } = this.server.bucket.log;
    return calls.map(({ operation }) => operation).filter((operation) => !operation.startsWith('List'));
  }

  async expectWhole(outcome: Outcome, contents: readonly Buffer[]): Promise<void> {
    expect(outcome).toMatchObject({ status: 200 });
    const { files = [] } = outcome;
    expect(files).toHaveLength(contents.length);
    for (const [at, content] of contents.entries()) {
      const file = files[at]!;
      expect(file.sizeBytes).toBe(content.length);
      expect(file.checksum).toBe(createHash('sha256').update(content).digest('hex'));
      expect(fingerprint(await this.contentOf(file.objectKey))).toBe(fingerprint(content));
    }
    const rows = await this.server.rows();
    const keys = rows.map(({ object_key }) => object_key).sort();
    expect(keys).toEqual(files.map(({ objectKey }) => objectKey).sort());
    expect(rows.every(({ state, upload_id }) => state === 'stored' && upload_id === null)).toBe(true);
  }

  /** Everything that a refused or broken upload may leave: nothing. */
  async expectNothingLeft(): Promise<void> {
    await this.server.idle();
    expect(await this.server.rows()).toEqual([]);
    expect(await this.server.leftInBucket()).toEqual({ objects: [], uploads: 0 });
  }

  /** Back to an empty bucket without faults. */
  async reset(): Promise<void> {
    const { server } = this;
    await server.idle();
    server.bucket.faults.clear();
    server.failures.length = 0;
    server.maxFileSize = 100 * MIB;
    server.operation = undefined;
    await server.statements.query({ name: 'test_clear_versions', text: 'DELETE FROM file_versions' }, []);
    await server.statements.query({ name: 'test_clear', text: 'DELETE FROM cloud_files' }, []);
    for (const key of (await server.leftInBucket()).objects) await server.storage.delete(key);
    const multipart = server.storage.multipart!;
    for (const { key, uploadId } of await multipart.listUnfinished!('')) await multipart.abort(key, uploadId);
    server.bucket.log.clear();
  }
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('It did not happen within 30 seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function* slices(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += 100_000) yield body.subarray(at, at + 100_000);
}
