import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { RequestError } from '../errors/request-errors.js';
import { problemOf } from './problem.js';

const SENTENCES: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time.',
  HPE_HEADER_OVERFLOW: 'The headers of the request are larger than 16 KiB.',
};

/** Bytes that are not HTTP, or headers that are too large or too slow: no route, no filter, just an answer. */
export function answerBrokenRequest(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const sentence = SENTENCES[error.code ?? ''] ?? 'What arrived is not a valid HTTP/1.1 request.';
  const { headers, body } = problemOf(new RequestError('bad_request', sentence), {
    path: '',
    requestId: randomUUID(),
  });
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
  });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
  );
}
