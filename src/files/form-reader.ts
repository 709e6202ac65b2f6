import { invalidForm } from './file-errors.js';
import { type FormPart, parsePartHead } from './form-part.js';
import type { ByteSource } from './request-bytes.js';
import { FORM_LIMITS } from './upload-limits.js';

const CRLF = Buffer.from('\r\n');
const BLANK_LINE = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);

/**
 * Reads a multipart/form-data body (RFC 2046, RFC 7578) part by part, in constant memory:
 * `nextPart`, then `read` until null, then `nextPart` again, until that is null.
 * Everything that does not follow the format fails with a FilesError (`invalid_form`).
 */
export class FormReader {
  private readonly delimiter: Buffer;
  /** Taken from the source and not yet given out. A delimiter begins with a line break, the first one, too. */
  private pending: Buffer = CRLF;
  private takenBytes = 0;
  private state: 'before' | 'inside' | 'after_delimiter' | 'closed' = 'before';

  constructor(
    private readonly source: ByteSource,
    boundary: string,
  ) {
    this.delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  /** How many bytes of the body came before the unread ones; at the start of a part, the length of all before it. */
  get consumedBytes(): number {
    return this.takenBytes - this.pending.length;
  }

  /** What follows the content of the last part in a form that ends as clients end it. */
  get usualTailBytes(): number {
    return this.delimiter.length + '--\r\n'.length;
  }

  /** The next part, or null after the last, when the whole body was read and was well-formed. */
  async nextPart(): Promise<FormPart | null> {
    if (this.state === 'before') await this.skipPreamble();
    if (this.state === 'inside') throw new Error('The current part has not been read to its end.');
    if (this.state === 'closed') return null;
    if (await this.atClosingDelimiter()) {
      await this.skipEpilogue();
      this.state = 'closed';
      return null;
    }
    const head = parsePartHead(await this.takePartHead());
    this.state = 'inside';
    return head;
  }

  /** The next bytes of the current part's content, or null at its end. */
  async read(): Promise<Buffer | null> {
    if (this.state !== 'inside') return null;
    for (;;) {
      const at = this.pending.indexOf(this.delimiter);
      if (at === 0) {
        this.pending = this.pending.subarray(this.delimiter.length);
        this.state = 'after_delimiter';
        return null;
      }
      const end = at > 0 ? at : this.pending.length - beginOf(this.delimiter, this.pending);
      if (end > 0) {
        const piece = this.pending.subarray(0, end);
        this.pending = this.pending.subarray(end);
        return piece;
      }
      await this.take();
    }
  }

  private async skipPreamble(): Promise<void> {
    this.state = 'inside';
    let skippedBytes = 0;
    for (let piece = await this.read(); piece !== null; piece = await this.read()) {
      skippedBytes += piece.length;
      if (skippedBytes > FORM_LIMITS.surroundingBytes) throw invalidForm('its first boundary was not found.');
    }
  }

  /** Right after a delimiter: two dashes close the form, otherwise the line must end. */
  private async atClosingDelimiter(): Promise<boolean> {
    while (this.pending.length < 2) await this.take();
    if (this.pending[0] === 0x2d && this.pending[1] === 0x2d) {
      this.pending = this.pending.subarray(2);
      return true;
    }
    await this.skipPadding();
    return false;
  }

  /** RFC 2046 allows blanks between a boundary and its line break. The line break stays: it may begin a blank line. */
  private async skipPadding(): Promise<void> {
    const lineEnd = await this.find(CRLF, FORM_LIMITS.surroundingBytes);
    const padding = this.pending.subarray(0, lineEnd);
    if (padding.some((byte) => byte !== 0x20 && byte !== 0x09)) {
      throw invalidForm('its boundary occurs within the content, or a boundary line is malformed.');
    }
    this.pending = this.pending.subarray(lineEnd);
  }

  private async takePartHead(): Promise<Buffer> {
    const end = await this.find(BLANK_LINE, FORM_LIMITS.partHeaderBytes);
    const head = this.pending.subarray(Math.min(CRLF.length, end), end);
    this.pending = this.pending.subarray(end + BLANK_LINE.length);
    return head;
  }

  private async skipEpilogue(): Promise<void> {
    let skippedBytes = this.pending.length;
    this.pending = EMPTY;
    for (;;) {
      if (skippedBytes > FORM_LIMITS.surroundingBytes)
        throw invalidForm('too much follows its last boundary.');
      const chunk = await this.source.next();
      if (chunk === null) return;
      this.takenBytes += chunk.length;
      skippedBytes += chunk.length;
    }
  }

  private async find(needle: Buffer, maxBytes: number): Promise<number> {
    for (;;) {
      const at = this.pending.indexOf(needle);
      if (at > maxBytes || (at < 0 && this.pending.length > maxBytes)) {
        throw invalidForm('the header of a part is too long.');
      }
      if (at >= 0) return at;
      await this.take();
    }
  }

  private async take(): Promise<void> {
    const chunk = await this.source.next();
    if (chunk === null) throw invalidForm('it ends before its closing boundary.');
    this.takenBytes += chunk.length;
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
  }
}

/** How many bytes at the end of `bytes` may be the begin of `delimiter`. */
function beginOf(delimiter: Buffer, bytes: Buffer): number {
  for (let length = Math.min(delimiter.length - 1, bytes.length); length > 0; length--) {
    if (bytes[bytes.length - length] !== delimiter[0]) continue;
    if (bytes.compare(delimiter, 0, length, bytes.length - length) === 0) return length;
  }
  return 0;
}
