import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { codeOf, sentenceOf } from '../agent-error.js';
import type { ControlMessage, ControlRequest } from './control-protocol.js';
import { withSocketPath } from './unix-path.js';

/** Answers one request; `tell` may be called until it resolves. The signal ends when nobody listens any longer. */
export type ControlHandler = (
  request: ControlRequest,
  tell: (message: ControlMessage) => void,
  signal: AbortSignal,
) => Promise<void>;

/** A request is one short line. */
const MAX_REQUEST_BYTES = 4_096;
const MAX_CONNECTIONS = 16;

/** Lets commands of the data folder's owner talk to the running agent. */
export class ControlServer {
  readonly #path: string;
  readonly #handle: ControlHandler;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(path: string, handle: ControlHandler) {
    this.#path = path;
    this.#handle = handle;
  }

  /** The folder must be claimed by this process: a socket that lies there is a dead one's. */
  async listen(): Promise<void> {
    rmSync(this.#path, { force: true });
    const server = createServer((socket) => this.#serve(socket));
    server.maxConnections = MAX_CONNECTIONS;
    this.#server = server;
    await withSocketPath(this.#path, (path) => {
      return new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    });
    chmodSync(this.#path, 0o600);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    rmSync(this.#path, { force: true });
  }

  #serve(socket: Socket): void {
    const gone = new AbortController();
    this.#sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => {
        this.#sockets.delete(socket);
        gone.abort();
      });
    let received = 0;
    socket.on('data', (piece: Buffer) => {
      received += piece.length;
      if (received > MAX_REQUEST_BYTES) socket.destroy();
    });
    createInterface({ input: socket }).once('line', (line) => void this.#answer(line, socket, gone.signal));
  }

  async #answer(line: string, socket: Socket, signal: AbortSignal): Promise<void> {
    const tell = (message: ControlMessage) => {
      if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
    };
    try {
      await this.#handle(JSON.parse(line) as ControlRequest, tell, signal);
    } catch (error) {
      tell({ message_type: 'error', code: codeOf(error) ?? 'internal_error', detail: sentenceOf(error) });
    }
    socket.end();
  }
}
