import { connect, type Socket } from 'node:net';
import { type MessageHead, MessageReader } from '../http-messages.ts';

const READ_BUFFER_BYTES = 256 * 1024;
const SILENCE_LIMIT_MS = 180_000;
const EXCERPT_BYTES = 400;

export interface Reply {
  readonly status: number;
  readonly bodyBytes: number;
  /** The start of the body, for error messages. */
  readonly excerpt: string;
  readonly location: string | undefined;
}

/** Looks at each piece of an answer's body; false makes the request fail. */
export type Inspect = (chunk: Buffer, offset: number) => boolean;

interface Exchange {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly inspect: Inspect | undefined;
  status: number;
  bodyBytes: number;
  excerpt: string;
  location: string | undefined;
}

/** One kept-alive connection that carries one request at a time. Opens again when the server closed it in between. */
export class Connection {
  private readonly port: number;
  private socket: Socket | undefined;
  private exchange: Exchange | undefined;
  private closing = false;

  constructor(port: number) {
    this.port = port;
  }

  /** Makes sure that the connection stands, so that opening it is not part of the next request's time. */
  async open(): Promise<Socket> {
    if (this.socket && !this.socket.destroyed && !this.closing) return this.socket;
    this.socket?.destroy();
    this.closing = false;
    const socket = this.connect();
    this.socket = socket;
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return socket;
  }

  /** Sends what `write` writes and answers the reply. */
  async request(write: (socket: Socket) => void | Promise<void>, inspect?: Inspect): Promise<Reply> {
    const socket = await this.open();
    const reply = new Promise<Reply>((resolve, reject) => {
      this.exchange = { resolve, reject, inspect, status: 0, bodyBytes: 0, excerpt: '', location: undefined };
    });
    const [result] = await Promise.all([reply, write(socket)]);
    return result;
  }

  close(): void {
    this.socket?.destroy();
  }

  private connect(): Socket {
    const reader = new MessageReader({
      head: (head) => this.onHead(head),
      body: (chunk) => this.onBody(chunk),
      end: () => this.onEnd(),
    });
    // What an earlier socket reports does not concern the one that took its place.
    const fail = (error: Error): void => {
      if (this.socket === socket) this.fail(error);
    };
    // One buffer for all reads: a client that allocates as it downloads would be what is measured.
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
      callback: (length: number, buffer: Uint8Array): boolean => {
        try {
          reader.push(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        } catch (error) {
          fail(error as Error);
        }
        return true;
      },
    };
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true, onread });
    socket.setTimeout(SILENCE_LIMIT_MS, () => fail(new Error(`no byte for ${SILENCE_LIMIT_MS} ms`)));
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the server closed the connection within a request')));
    return socket;
  }

  private onHead(head: MessageHead): boolean {
    const status = Number(head.startLine.split(' ')[1]);
    if (head.headers.get('connection')?.toLowerCase() === 'close') this.closing = true;
    if (this.exchange && status >= 200) {
      this.exchange.status = status;
      this.exchange.location = head.headers.get('location');
    }
    return status >= 200 && status !== 204 && status !== 304;
  }

  private onBody(chunk: Buffer): void {
    const { exchange } = this;
    if (!exchange) return;
    if (exchange.bodyBytes === 0) exchange.excerpt = chunk.toString('latin1', 0, EXCERPT_BYTES);
    if (exchange.inspect && exchange.status < 300 && !exchange.inspect(chunk, exchange.bodyBytes)) {
      this.fail(new Error(`wrong bytes in the answer after byte ${exchange.bodyBytes}`));
    }
    exchange.bodyBytes += chunk.length;
  }

  private onEnd(): void {
    const { exchange } = this;
    if (!exchange || exchange.status === 0) return; // 100 Continue
    this.exchange = undefined;
    exchange.resolve(exchange);
  }

  private fail(error: Error): void {
    this.exchange?.reject(error);
    this.exchange = undefined;
    this.socket?.destroy();
  }
}
