import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ReceivedMessage {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders & Record<string, string>;
  readonly body: string;
}

type Answer = (response: ServerResponse) => void;

/** Somebody's program that hears of events: keeps all of them, and answers as it is told. */
export class Receiver {
  readonly messages: ReceivedMessage[] = [];
  /** What the next messages are answered; 204 when there is no more. */
  readonly answers: Answer[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer(this.listener);
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Those that came to this path, as soon as there are so many. */
  async received(path: string, count: number, timeoutMs = 30_000): Promise<ReceivedMessage[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = this.messages.filter((message) => message.path === path);
      if (found.length >= count) return found;
      if (performance.now() > deadline)
        throw new Error(`${path} received ${found.length} messages, not ${count}`);
      await sleep(10);
    }
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private readonly listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = request.headers as ReceivedMessage['headers'];
      this.messages.push({
        method: request.method!,
        path: request.url!,
        headers,
        body: Buffer.concat(chunks).toString(),
      });
      const answer = this.answers.shift() ?? status(204);
      answer(response);
    });
  };
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(code, headers).end();
}
