import { Readable } from 'node:stream';
import { otherLength } from './file-errors.js';
import type { MeasuredContent } from './measured-content.js';

/**
 * Exactly `sizeBytes` bytes of a file as a stream for the bucket, or an error.
 *
 * The last piece is held back until the file's end was seen where it was promised. So a provider that stores an
 * object with the last byte of its announced length never stores one whose end turned out wrong.
 */
export class ExactBody extends Readable {
  private leftBytes: number;
  private held: Buffer | undefined;
  private cause: Error | undefined;

  /**
   * @param last whether the content must end with this body; otherwise the rest stays in `content` for the next one
   */
  constructor(
    private readonly content: MeasuredContent,
    sizeBytes: number,
    private readonly last: boolean,
  ) {
    super();
    this.leftBytes = sizeBytes;
  }

  /** Whether all bytes were handed out: from then on the provider may have stored the object. */
  get delivered(): boolean {
    return this.leftBytes === 0 && this.held === undefined;
  }

  /** Why the file itself could not be read to its end, in contrast to what the provider did to the stream. */
  get failure(): Error | undefined {
    return this.cause;
  }

  override _read(): void {
    this.pull().catch((error: unknown) => {
      this.cause = error as Error;
      this.destroy(this.cause);
    });
  }

  private async pull(): Promise<void> {
    if (this.leftBytes === 0 && !this.last) {
      this.push(null);
      return;
    }
    // One byte more than promised is asked for at the end, so that a longer file is noticed.
    const piece = await this.content.read(this.leftBytes > 0 ? this.leftBytes : 1);
    if (this.destroyed) return;
    if (piece === null) this.finish();
    else if (this.leftBytes === 0) throw otherLength();
    else this.pass(piece);
  }

  private pass(piece: Buffer): void {
    this.leftBytes -= piece.length;
    if (!this.last) {
      this.push(piece);
      return;
    }
    const previous = this.held;
    this.held = piece;
    if (previous !== undefined) this.push(previous);
    else this._read();
  }

  private finish(): void {
    if (this.leftBytes > 0 || !this.last) throw otherLength();
    const held = this.held;
    this.held = undefined;
    if (held !== undefined) this.push(held);
    this.push(null);
  }
}
