import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoggedCall } from './call-log.js';
import type { FaultEffect } from './faults.js';

export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
}

export interface ListeningServer {
  /** Without a path: `http://127.0.0.1:40123`. */
  readonly origin: string;
  readonly port: number;
  /** Ends at once: open connections are cut. */
  stop(): Promise<void>;
}

export interface DoubleAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  /** Needed with a stream, and with an answer to HEAD. */
  readonly sizeBytes?: number;
}

export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  options: { readonly port?: number; readonly tls?: TlsFiles } = {},
): Promise<ListeningServer> {
  const server: Server = options.tls ? createTlsServer(options.tls, handle) : createServer(handle);
  server.requestTimeout = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Cuts the connection with a RST, so that the client sees ECONNRESET and not an orderly end. */
export function cutConnection(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** Faults that strike before the call takes effect. @returns true when nothing may be answered any more */
export async function strikeBefore(
  effect: FaultEffect | undefined,
  response: ServerResponse,
): Promise<boolean> {
  if (effect?.kind === 'delay') await sleep(effect.ms, undefined, { ref: false });
  if (effect?.kind === 'hang') return true;
  if (effect?.kind !== 'before') return false;
  await effect.hook?.();
  cutConnection(response);
  return true;
}

/** Faults that strike once the call took effect. @returns true when nothing may be answered any more */
export async function strikeAfter(
  effect: FaultEffect | undefined,
  response: ServerResponse,
): Promise<boolean> {
  if (effect?.kind !== 'after' && effect?.kind !== 'torn') return false;
  if (effect.kind === 'after') await effect.hook?.();
  cutConnection(response);
  return true;
}

/** Sends an answer, spoilt by the fault that struck the call, and notes in the log what was sent. */
export async function sendAnswer(
  response: ServerResponse,
  answer: DoubleAnswer,
  entry: LoggedCall,
  effect: FaultEffect | undefined,
): Promise<void> {
  entry.status = answer.status;
  const sizeBytes = answer.sizeBytes ?? Buffer.byteLength(typeof answer.body === 'string' ? answer.body : '');
  const shortened = effect?.kind === 'truncate' ? Math.min(effect.afterBytes, sizeBytes) : sizeBytes;
  const bodyless = answer.status === 204 || answer.status === 304;
  const length = bodyless ? {} : { 'content-length': String(shortened) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  if (answer.body === undefined || bodyless || response.req.method === 'HEAD') {
    response.end();
    return;
  }
  await sendBody(response, answer.body, entry, effect, shortened);
}

async function sendBody(
  response: ServerResponse,
  body: string | Readable,
  entry: LoggedCall,
  effect: FaultEffect | undefined,
  sizeBytes: number,
): Promise<void> {
  const chunks = typeof body === 'string' ? [Buffer.from(body)] : (body as AsyncIterable<Buffer>);
  for await (const chunk of spoilt(chunks, effect, sizeBytes)) {
    if (response.destroyed) return;
    entry.sentBytes += chunk.length;
    if (!response.write(chunk)) await drained(response);
  }
  if (effect?.kind === 'reset') cutConnection(response);
  else response.end();
}

async function* spoilt(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  effect: FaultEffect | undefined,
  sizeBytes: number,
): AsyncGenerator<Buffer> {
  const limit = effect?.kind === 'reset' ? effect.afterBytes : sizeBytes;
  let offset = 0;
  for await (const chunk of chunks) {
    if (offset >= limit) return;
    const part = Buffer.from(chunk.subarray(0, limit - offset));
    if (effect?.kind === 'corrupt' && effect.atByte >= offset && effect.atByte < offset + part.length) {
      part[effect.atByte - offset]! ^= 1;
    }
    offset += part.length;
    if (effect?.kind === 'trickle') yield* slowly(part, effect.bytesPerSecond);
    else yield part;
  }
}

async function* slowly(bytes: Buffer, bytesPerSecond: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1) {
    await sleep(1000 / bytesPerSecond, undefined, { ref: false });
    yield bytes.subarray(at, at + 1);
  }
}

/** Until the client took what was written, or left. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
