import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { LentContent, type LentContentOptions, ReadRing } from './lent-content.js';

/** Bytes of status line and headers; more is no plain answer. */
const MAX_HEAD_BYTES = 16 * 1024;

const HEAD_END = Buffer.from('\r\n\r\n');

/** Opens a connection that reads as `onread` says. */
export type OpenSocket = (onread: ReadRing['onread']) => Promise<Socket>;

export interface PlainGet {
  /** Percent-encoded path with its query. */
  readonly path: string;
  /** Must hold `host`. */
  readonly headers: Readonly<Record<string, string>>;
  /** From the request to the answer's headers. */
  readonly responseMs: number;
  readonly signal?: AbortSignal;
}

export interface PlainAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  readonly content: LentContent;
}

/**
 * One GET on a connection of its own whose answer is lent and not given away, for content that is large enough to be
 * worth a connection. It understands HTTP/1.1 answers with 200 or 206 and a Content-Length, nothing else: those
 * resolve as undefined, to be asked for again by a whole HTTP client.
 *
 * Rejects with what the connection reported, with the signal's reason, or with an error of the code
 * UND_ERR_HEADERS_TIMEOUT, as undici would.
 */
export async function plainGet(
  open: OpenSocket,
  request: PlainGet,
  options: Omit<LentContentOptions, 'sizeBytes'>,
): Promise<PlainAnswer | undefined> {
  const reader = new AnswerReader(options);
  const socket = await opened(open(reader.ring.onread), request.signal);
  return reader.read(socket, request);
}

/** The socket, which `signal` destroys: at once, even while it is being connected. */
function opened(opening: Promise<Socket>, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      const error = abortError(signal);
      reject(error);
      opening.then((socket) => socket.destroy(error), reject);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    const release = () => signal?.removeEventListener('abort', abort);
    opening.then(
      (socket) => resolve(socket.once('close', release).on('error', () => undefined)),
      (error: Error) => {
        release();
        reject(error);
      },
    );
  });
}

class AnswerReader {
  readonly ring = new ReadRing((piece) => this.accept(piece));
  private head: Buffer = Buffer.alloc(0);
  private content: LentContent | undefined;
  private begin: (head: Head | undefined) => LentContent | undefined = () => undefined;

  constructor(private readonly options: Omit<LentContentOptions, 'sizeBytes'>) {}

  read(socket: Socket, request: PlainGet): Promise<PlainAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const { responseMs } = request;
      socket.setTimeout(responseMs, () => socket.destroy(timeoutError(responseMs)));
      socket.once('error', reject);
      socket.once('close', () => resolve(undefined));
      this.begin = (head) => {
        if (head === undefined) {
          socket.destroy();
          return undefined;
        }
        const content = new LentContent(socket, this.ring, { ...this.options, sizeBytes: head.sizeBytes });
        resolve({ status: head.status, headers: head.headers, content });
        return content;
      };
      socket.write(headOf(request), 'latin1');
      socket.resume();
    });
  }

  private accept(piece: Buffer): boolean {
    if (this.content !== undefined) return this.content.accept(piece);
    const searched = this.head.length === 0 ? piece : Buffer.concat([this.head, piece]);
    const end = searched.indexOf(HEAD_END);
    if (end < 0 && searched.length <= MAX_HEAD_BYTES) {
      this.head = Buffer.from(searched);
      return true;
    }
    this.content = this.begin(end < 0 ? undefined : parseHead(searched.toString('latin1', 0, end)));
    const restBytes = searched.length - end - HEAD_END.length;
    return this.content?.accept(piece.subarray(piece.length - restBytes)) ?? false;
  }
}

function headOf({ path, headers }: PlainGet): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path} HTTP/1.1`, ...lines, 'connection: close', '', ''].join('\r\n');
}

interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly sizeBytes: number;
}

/** @returns undefined for anything but a well-formed answer whose body is as long as Content-Length says */
function parseHead(text: string): Head | undefined {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (200|206)(?: |$)/.exec(statusLine)?.[1]);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined || headers[name.toLowerCase()] !== undefined)
      return undefined;
    headers[name.toLowerCase()] = value;
  }
  const length = headers['content-length'] ?? '';
  const isPlain = /^\d{1,15}$/.test(length) && headers['transfer-encoding'] === undefined;
  return status > 0 && isPlain ? { status, headers, sizeBytes: Number(length) } : undefined;
}

function timeoutError(responseMs: number): Error {
  return Object.assign(new Error(`no answer within ${responseMs} ms`), { code: 'UND_ERR_HEADERS_TIMEOUT' });
}

function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error('the call was aborted', { cause: signal?.reason });
  error.name = 'AbortError';
  return error;
}
