/** First line and headers (names in lower case) of one HTTP/1.1 message. */
export interface MessageHead {
  readonly startLine: string;
  readonly headers: ReadonlyMap<string, string>;
}

export interface MessageHandler {
  /** Answers false when the message has no body whatever its headers say (HEAD, 204, 304). */
  head(head: MessageHead): boolean;
  body(chunk: Buffer): void;
  end(): void;
}

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer';

const MAX_HEAD_BYTES = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

/**
 * Cuts a byte stream into HTTP/1.1 messages framed by Content-Length or chunked coding: all that the two ends of
 * the benchmark need, at a fraction of what node:http costs. Chunks passed on are views of what was pushed.
 * @throws Error on a malformed message
 */
export class MessageReader {
  private state: State = 'head';
  private pending: Buffer = Buffer.alloc(0);
  private left = 0;
  private readonly handler: MessageHandler;

  constructor(handler: MessageHandler) {
    this.handler = handler;
  }

  /** Whether the stream may end here. */
  get idle(): boolean {
    return this.state === 'head' && this.pending.length === 0;
  }

  push(input: Buffer): void {
    let rest = this.pending.length > 0 ? Buffer.concat([this.pending, input]) : input;
    this.pending = Buffer.alloc(0);
    while (rest.length > 0) {
      const used = this.step(rest);
      if (used === 0) {
        if (rest.length > MAX_HEAD_BYTES) throw new Error('HTTP head too long');
        this.pending = Buffer.from(rest); // a copy: the caller may reuse its memory
        return;
      }
      rest = rest.subarray(used);
    }
  }

  /** Consumes one element and answers its length; 0 when it is not complete yet. */
  private step(rest: Buffer): number {
    switch (this.state) {
      case 'head':
        return this.readHead(rest);
      case 'length':
      case 'chunk':
        return this.readBody(rest);
      case 'chunk-size':
      case 'chunk-end':
      case 'trailer':
        return this.readLine(rest);
    }
  }

  private readHead(rest: Buffer): number {
    const end = rest.indexOf(HEAD_END);
    if (end < 0) return 0;
    const head = parseHead(rest.toString('latin1', 0, end));
    const hasBody = this.handler.head(head);
    if (!hasBody) this.finish();
    else if (head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked') this.state = 'chunk-size';
    else {
      this.left = Number(head.headers.get('content-length') ?? 0);
      if (!Number.isSafeInteger(this.left) || this.left < 0) throw new Error('HTTP content-length is wrong');
      if (this.left === 0) this.finish();
      else this.state = 'length';
    }
    return end + HEAD_END.length;
  }

  private readBody(rest: Buffer): number {
    const length = Math.min(this.left, rest.length);
    this.left -= length;
    this.handler.body(length === rest.length ? rest : rest.subarray(0, length));
    if (this.left === 0) {
      if (this.state === 'chunk') this.state = 'chunk-end';
      else this.finish();
    }
    return length;
  }

  private readLine(rest: Buffer): number {
    const end = rest.indexOf(LINE_END);
    if (end < 0) return 0;
    if (this.state === 'chunk-size') {
      this.left = Number.parseInt(rest.toString('latin1', 0, end), 16);
      if (Number.isNaN(this.left)) throw new Error('HTTP chunk size is wrong');
      this.state = this.left === 0 ? 'trailer' : 'chunk';
    } else if (this.state === 'chunk-end') this.state = 'chunk-size';
    else if (end === 0) this.finish();
    return end + LINE_END.length;
  }

  private finish(): void {
    this.state = 'head';
    this.handler.end();
  }
}

function parseHead(text: string): MessageHead {
  const lines = text.split('\r\n');
  const headers = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { startLine: lines[0] ?? '', headers };
}
