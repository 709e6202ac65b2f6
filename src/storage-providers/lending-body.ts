import { Readable } from 'node:stream';

/** Takes a piece; its memory is filled anew once `giveBack` was called, which must happen later and once. */
export type Borrower = (piece: Buffer, giveBack: () => void) => void;

/**
 * A body whose bytes can be borrowed instead of read: its few buffers are used again and again, so that bytes that are
 * only passed on leave no garbage behind. Whoever reads it as the stream that it is gets copies.
 */
export abstract class LendingBody extends Readable {
  /** For copies that were not read yet. */
  private readonly toGiveBack: (() => void)[] = [];

  /** Lends all pieces, one after the other; then `end` comes as usual. Instead of reading, and once. */
  abstract lend(borrower: Borrower): void;

  override _read(): void {
    if (!this.isLent) this.lend(this.copy);
    for (const giveBack of this.toGiveBack.splice(0)) giveBack();
  }

  /** Whether `lend` was called. */
  protected abstract get isLent(): boolean;

  private readonly copy: Borrower = (piece, giveBack) => {
    this.toGiveBack.push(giveBack);
    this.push(Buffer.from(piece));
  };
}
