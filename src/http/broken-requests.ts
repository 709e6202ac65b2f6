import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestError } from '../errors/request-errors.js';
import { problemOf } from './problem.js';
import { pathOf } from './request-log.js';

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

/** A path that the router cannot decode, or one with an endless segment: no hook has run and none will. */
export function answerBadPath(_error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const sentence =
    'The path of the request is not valid: look at its % escapes and at the length of its parts.';
  const { headers, body } = problemOf(new RequestError('bad_request', sentence), {
    path: pathOf(request),
    requestId: request.id,
  });
  void reply
    .code(body.status)
    .headers({ ...headers, 'x-request-id': request.id, 'x-content-type-options': 'nosniff' })
    .send(JSON.stringify(body));
}
