import type { Socket } from 'node:net';
import { type Borrower, LendingBody } from '../../lending-body.js';

/** While one is being written to its reader, the socket fills the other. More did not make it faster. */
const BUFFERS = 2;
const BUFFER_BYTES = 128 * 1024;

export interface LentContentOptions {
  readonly sizeBytes: number;
  /** Longest silence of the sender. */
  readonly idleMs: number;
  /** Turns what the connection reported into the error that the reader gets. */
  readonly failure: (error: unknown) => Error;
  /** For a connection that ended early, or sent more than it had announced. */
  readonly wrongLength: () => Error;
}

/**
 * The buffers that one connection reads into, in turn; `onread` is what net.Socket takes under that name. The socket
 * asks for the next buffer right after each read, even if it was told to pause: that is always the one which will be
 * free first.
 */
export class ReadRing {
  private readonly buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(BUFFER_BYTES));
  private readonly isLent: boolean[] = [];
  private at = 0;

  readonly onread = {
    buffer: (): Buffer => this.buffers[this.at] as Buffer,
    callback: (sizeBytes: number, buffer: Uint8Array): boolean =>
      this.accept(Buffer.from(buffer.buffer, buffer.byteOffset, sizeBytes)),
  };

  /** @param accept gets all that is read; false pauses the socket */
  constructor(private readonly accept: (piece: Buffer) => boolean) {}

  /** Keeps the current buffer as it is until `freed` has run. @returns whether the next one is free */
  lend(borrower: Borrower, piece: Buffer, freed: () => void): boolean {
    const lent = this.at;
    this.isLent[lent] = true;
    this.at = (lent + 1) % BUFFERS;
    borrower(piece, () => {
      this.isLent[lent] = false;
      if (lent === this.at) freed();
    });
    return this.isLent[this.at] !== true;
  }
}

/** The content of one answer on a connection of its own, from the first byte after the headers. */
export class LentContent extends LendingBody {
  private borrower: Borrower | undefined;
  private leftBytes: number;
  private isPausing = false;
  /** What came before anybody borrowed; a copy, since the socket reads on into the same buffer. */
  private early: Buffer | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly ring: ReadRing,
    private readonly options: LentContentOptions,
  ) {
    super();
    this.leftBytes = options.sizeBytes;
    socket.removeAllListeners('timeout').setTimeout(options.idleMs, this.onSilence);
    socket.on('error', (error) => this.destroy(options.failure(error)));
    socket.on('close', () => {
      if (this.leftBytes !== 0) this.destroy(options.wrongLength());
    });
  }

  lend(borrower: Borrower): void {
    this.borrower = borrower;
    const { early } = this;
    this.early = undefined;
    if (early !== undefined && this.count(early)) borrower(early, () => undefined);
    if (this.leftBytes === 0) this.finish();
    else this.goOn();
  }

  /** @returns false when the socket must pause */
  accept(piece: Buffer): boolean {
    if (piece.length === 0) return true;
    if (this.borrower === undefined) {
      this.early = Buffer.from(piece);
      this.isPausing = true;
    } else if (this.count(piece)) {
      this.isPausing = !this.ring.lend(this.borrower, piece, () => this.goOn());
      if (this.leftBytes === 0) this.finish();
    }
    return !this.isPausing;
  }

  protected get isLent(): boolean {
    return this.borrower !== undefined;
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.socket.destroy();
    callback(error);
  }

  /** @returns whether the piece belongs to the content */
  private count(piece: Buffer): boolean {
    if (this.destroyed) return false;
    this.leftBytes -= piece.length;
    if (this.leftBytes < 0) this.destroy(this.options.wrongLength());
    return this.leftBytes >= 0;
  }

  private goOn(): void {
    this.isPausing = false;
    this.socket.resume();
  }

  private finish(): void {
    this.socket.destroy();
    this.push(null);
  }

  /** A pause of ours is no silence of the sender. */
  private readonly onSilence = (): void => {
    if (this.isPausing) {
      this.socket.setTimeout(this.options.idleMs);
      return;
    }
    const silence = new Error(`no byte for ${this.options.idleMs} ms`);
    this.destroy(this.options.failure(Object.assign(silence, { code: 'UND_ERR_BODY_TIMEOUT' })));
  };
}
