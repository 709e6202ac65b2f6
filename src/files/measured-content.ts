import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { checksumMismatch, fileTooLarge } from './file-errors.js';

/** The bytes of one file, in pieces; null after the last. */
export interface FileContent {
  read(): Promise<Buffer | null>;
}

export interface ContentDigest {
  readonly sizeBytes: number;
  /** SHA-256, 64 hex digits. */
  readonly checksum: string;
  /** CRC-32 (ISO 3309), unsigned. */
  readonly crc32: number;
}

export interface ContentChecks {
  /** Runs after the last piece and before the end is reported: may still refuse the file. */
  readonly atEnd?: () => Promise<void>;
  /** What the client says that the SHA-256 is; another one fails with FilesError `checksum_mismatch`. */
  readonly checksum?: string;
}

/**
 * Counts and hashes a file's bytes while they pass, and stops them at the limit.
 * SHA-256 is what users compare; CRC-32 costs a tenth of it and guards every download.
 */
export class MeasuredContent {
  private readonly sha256 = createHash('sha256');
  private crc = 0;
  private bytes = 0;
  private rest: Buffer | undefined;
  private digested: ContentDigest | undefined;

  /** @param limitBytes more fails with FilesError `file_too_large` */
  constructor(
    private readonly content: FileContent,
    private readonly limitBytes: number,
    private readonly checks: ContentChecks = {},
  ) {}

  /** Bytes that came so far, whether given out or not. */
  get sizeBytes(): number {
    return this.bytes;
  }

  /** The next piece, cut to `maxBytes`, or null at the end. */
  async read(maxBytes: number): Promise<Buffer | null> {
    const piece = this.rest ?? (await this.receive());
    if (piece === null || piece.length <= maxBytes) {
      this.rest = undefined;
      return piece;
    }
    this.rest = piece.subarray(maxBytes);
    return piece.subarray(0, maxBytes);
  }

  /** Of all that came; to be asked for after `read` returned null. */
  digest(): ContentDigest {
    this.digested ??= { sizeBytes: this.bytes, checksum: this.sha256.digest('hex'), crc32: this.crc };
    return this.digested;
  }

  private async receive(): Promise<Buffer | null> {
    const piece = await this.content.read();
    if (piece === null) {
      await this.checks.atEnd?.();
      const { checksum } = this.checks;
      if (checksum !== undefined && checksum !== this.digest().checksum) throw checksumMismatch();
      return null;
    }
    this.bytes += piece.length;
    if (this.bytes > this.limitBytes) throw fileTooLarge(this.limitBytes);
    this.sha256.update(piece);
    this.crc = crc32(piece, this.crc);
    return piece;
  }
}
