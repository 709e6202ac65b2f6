import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** An unread rest up to this size is read and thrown away, so that the connection can go on. */
const DRAINED_BYTES = 64 * 1024;
/** How long a client that is still sending may read our answer before the connection is cut. */
const LINGER_MS = 5_000;

const withheld = new WeakSet<IncomingMessage>();

/**
 * Answers that come before the body was read, such as a refused upload.
 *
 * A client that asks with `Expect: 100-continue` is told to go on only when somebody begins to read: one that is
 * refused sends nothing. Any other client is answered while it sends; the answer carries `Connection: close`, and
 * the connection is closed gently: a plain close with unread bytes resets it, and the reset can overtake the answer
 * (RFC 9112, 9.6). So we end our side, read and throw away what still comes, and cut after a few seconds.
 */
export function installEarlyAnswers(fastify: FastifyInstance): void {
  fastify.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    continueWhenRead(request, response);
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (hasUnreadBody(request.raw)) {
      void reply.header('connection', 'close');
      closeGently(request.raw);
    }
    done(null, payload);
  });
}

/** Node would answer 100 at once; a stream's first `_read` is the moment at which somebody wants the body. */
function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  withheld.add(request);
  request._read = function (this: IncomingMessage, size: number): void {
    delete (this as { _read?: unknown })._read;
    if (!response.headersSent) {
      withheld.delete(this);
      response.writeContinue();
    }
    this._read(size);
  };
}

function hasUnreadBody(request: IncomingMessage): boolean {
  if (request.complete || request.readableEnded) return false;
  if (withheld.has(request)) return true;
  const { 'transfer-encoding': transferEncoding, 'content-length': contentLength } = request.headers;
  return transferEncoding !== undefined || Number(contentLength ?? 0) > DRAINED_BYTES;
}

/** Node ends such a connection with `destroySoon`: for this socket, reading goes on for a while before it is cut. */
function closeGently(request: IncomingMessage): void {
  const socket: Socket = request.socket;
  socket.destroySoon = () => {
    socket.end();
    request.resume();
    socket.resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}
