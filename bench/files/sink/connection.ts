import type { Socket } from 'node:net';
import { patternAt } from '../bytes.ts';
import { type MessageHead, MessageReader } from '../http-messages.ts';
import { type Answer, headOf } from './answer.ts';
import type { Objects } from './objects.ts';
import { type CallKind, kindOf, perform } from './operations.ts';
import { decodePayload, parseTarget } from './request.ts';

const PATTERN_CHUNK_BYTES = 256 * 1024;
const EMPTY_METHODS = new Set(['GET', 'HEAD', 'DELETE']);

/** What all connections of the sink share. */
export interface SinkState {
  readonly objects: Objects;
  readonly counts: Map<string, number>;
  delayMs: number;
}

/** Serves one client connection: requests one after another, as HTTP/1.1 clients without pipelining send them. */
export function serve(socket: Socket, state: SinkState): void {
  let head: MessageHead;
  let received = 0;
  let kept: Buffer[] | undefined;

  const reader = new MessageReader({
    head: (next) => {
      head = next;
      received = 0;
      kept = state.objects.keepsBodies || next.startLine.startsWith('POST ') ? [] : undefined;
      if (next.headers.get('expect')?.toLowerCase() === '100-continue') {
        count(state, 'continue');
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      }
      return !EMPTY_METHODS.has(next.startLine.slice(0, next.startLine.indexOf(' ')));
    },
    body: (chunk) => {
      received += chunk.length;
      kept?.push(Buffer.from(chunk));
    },
    end: () => {
      const { kind, answer } = handle(head, received, kept, state);
      if (state.delayMs > 0) setTimeout(() => send(socket, kind, answer), state.delayMs);
      else send(socket, kind, answer);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch {
      count(state, 'malformed');
      socket.destroy();
    }
  });
  socket.on('error', () => socket.destroy());
}

function handle(head: MessageHead, received: number, kept: Buffer[] | undefined, state: SinkState) {
  const decoded = head.headers.get('x-amz-decoded-content-length');
  const body = kept && decodePayload(Buffer.concat(kept), head.headers);
  const request = {
    ...parseTarget(head),
    headers: head.headers,
    sizeBytes: body?.length ?? (decoded ? Number(decoded) : received),
    body,
  };
  const kind = kindOf(request);
  count(state, kind);
  const answer = perform(kind, request, state.objects);
  if (answer.status >= 400) count(state, `status ${answer.status}`);
  return { kind, answer };
}

function send(socket: Socket, kind: CallKind, answer: Answer): void {
  if (socket.destroyed) return;
  const { body, pattern } = answer;
  if (kind === 'head' || answer.status === 204 || (!pattern && !body?.length))
    socket.write(headOf(answer), 'latin1');
  else if (typeof body === 'string') socket.write(headOf(answer) + body);
  else {
    socket.write(headOf(answer), 'latin1');
    if (body) socket.write(body);
    else if (pattern) void sendPattern(socket, pattern);
  }
}

async function sendPattern(
  socket: Socket,
  { offset, length }: { offset: number; length: number },
): Promise<void> {
  for (let sent = 0; sent < length && !socket.destroyed;) {
    const chunk = patternAt(offset + sent, Math.min(PATTERN_CHUNK_BYTES, length - sent));
    sent += chunk.length;
    if (!socket.write(chunk)) await drained(socket);
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
  });
}

function count(state: SinkState, what: string): void {
  state.counts.set(what, (state.counts.get(what) ?? 0) + 1);
}
