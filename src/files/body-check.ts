import { crc32 } from 'node:zlib';

export interface ExpectedBody {
  readonly sizeBytes: number;
  /** Unsigned; undefined when only the length can be checked, as for a part of a file. */
  readonly crc32: number | undefined;
}

/** Tells piece by piece whether a body is the expected one. */
export class BodyCheck {
  private passedBytes = 0;
  private crc = 0;

  constructor(private readonly expected: ExpectedBody) {}

  /** Whether a piece may be passed on: false for one that would complete another body than the expected one. */
  accepts(piece: Buffer): boolean {
    this.passedBytes += piece.length;
    if (this.expected.crc32 !== undefined) this.crc = crc32(piece, this.crc);
    return this.passedBytes < this.expected.sizeBytes || this.isWhole;
  }

  get isWhole(): boolean {
    const { sizeBytes, crc32: expectedCrc } = this.expected;
    return this.passedBytes === sizeBytes && (expectedCrc === undefined || this.crc === expectedCrc);
  }
}
