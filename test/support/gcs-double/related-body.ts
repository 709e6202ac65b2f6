import { gcsFaults } from './gcs-fault.js';

/** The two parts of a `multipart/related` upload: the object's metadata, then its bytes as a stream. */
export interface RelatedBody {
  readonly metadata: string;
  readonly contentType: string | undefined;
  readonly content: AsyncIterable<Buffer>;
}

const MAX_METADATA_BYTES = 1024 * 1024;

export async function readRelatedBody(
  source: AsyncIterable<Buffer>,
  contentType: string,
): Promise<RelatedBody> {
  const match = /boundary=(?:"([^"]+)"|([^;\s]+))/.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (!/^multipart\/related/i.test(contentType) || boundary === undefined) throw malformed();
  const reader = new DelimitedReader(source);
  await reader.text(`--${boundary}\r\n`);
  await reader.text('\r\n\r\n');
  const metadata = await reader.text(`\r\n--${boundary}\r\n`);
  const headers = await reader.text('\r\n\r\n');
  const type = /^content-type:\s*(.+?)\s*$/im.exec(headers)?.[1];
  return { metadata, contentType: type, content: reader.until(`\r\n--${boundary}--`) };
}

class DelimitedReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async text(delimiter: string): Promise<string> {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of this.until(delimiter)) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_METADATA_BYTES) throw malformed();
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Everything before the delimiter, which is consumed too. */
  async *until(delimiter: string): AsyncGenerator<Buffer> {
    const wanted = Buffer.from(delimiter);
    for (;;) {
      const found = this.#buffer.indexOf(wanted);
      if (found !== -1) {
        const before = this.#buffer.subarray(0, found);
        this.#buffer = this.#buffer.subarray(found + wanted.length);
        if (before.length > 0) yield before;
        return;
      }
      // The delimiter may have begun: its length less one stays until more is known.
      const safe = this.#buffer.length - wanted.length + 1;
      if (safe > 0) {
        yield this.#buffer.subarray(0, safe);
        this.#buffer = this.#buffer.subarray(safe);
      }
      const next = await this.#source.next();
      if (next.done) throw malformed();
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
    }
  }
}

function malformed() {
  return gcsFaults.invalid('Malformed multipart body.');
}
