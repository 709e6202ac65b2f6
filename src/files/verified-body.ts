import { Transform, type TransformCallback } from 'node:stream';
import { crc32 } from 'node:zlib';
import { fileDamaged } from './file-errors.js';

export interface ExpectedBody {
  readonly sizeBytes: number;
  /** Unsigned; undefined when only the length can be checked, as for a part of a file. */
  readonly crc32: number | undefined;
}

/**
 * Passes on a body that is exactly what is expected. The bytes that would make it complete are held back until the
 * whole was checked: a short or wrong body ends with an error and never looks complete to the client.
 */
export class VerifiedBody extends Transform {
  private passedBytes = 0;
  private crc = 0;

  constructor(private readonly expected: ExpectedBody) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.passedBytes += chunk.length;
    if (this.expected.crc32 !== undefined) this.crc = crc32(chunk, this.crc);
    const complete = this.passedBytes >= this.expected.sizeBytes;
    if (complete && !this.isWhole()) done(fileDamaged());
    else done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    if (this.isWhole()) done();
    else done(fileDamaged());
  }

  private isWhole(): boolean {
    const { sizeBytes, crc32: expectedCrc } = this.expected;
    return this.passedBytes === sizeBytes && (expectedCrc === undefined || this.crc === expectedCrc);
  }
}
