import { afterEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LentContent } from './lent-content.js';
import { type OpenSocket, type PlainGet, plainGet } from './plain-get.js';

const bytes = randomBytes(3_000_000);
const head = (sizeBytes: number, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${sizeBytes}\r\nETag: "x"\r\n\r\n`;

const servers = new Set<Server>();
let requestText = '';
const sockets = new Set<Socket>();

afterEach(() => {
  for (const server of servers) server.close();
  servers.clear();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

/** Answers each request by `answer`. */
async function serve(answer: (socket: Socket) => void): Promise<OpenSocket> {
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', (request) => {
      requestText = request.toString('latin1');
      answer(socket);
    });
  }).listen(0, '127.0.0.1');
  servers.add(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return async (onread) => {
    const socket = connect({ port, host: '127.0.0.1', onread });
    await once(socket, 'connect');
    return socket;
  };
}

function get(open: OpenSocket, request: Partial<PlainGet> = {}, idleMs = 5_000) {
  const plain: PlainGet = { path: '/a%20b', headers: { host: 'h' }, responseMs: 5_000, ...request };
  const failure = (error: unknown) => error as Error;
  return plainGet(open, plain, { idleMs, failure, wrongLength: () => new Error('wrong length') });
}

/** Keeps each piece for a moment, as a socket does that writes it. */
async function borrowAll(content: LentContent, holdMs: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  content.lend((piece, giveBack) => {
    void sleep(holdMs).then(() => {
      pieces.push(Buffer.from(piece));
      giveBack();
    });
  });
  content.resume();
  await once(content, 'end');
  await sleep(holdMs * 3);
  return Buffer.concat(pieces);
}

describe('plainGet', () => {
  it.each([0, 5])(
    'lends the content as it was sent, to a borrower that holds pieces for %d ms',
    async (ms) => {
      const open = await serve((socket) =>
        socket.end(Buffer.concat([Buffer.from(head(bytes.length)), bytes])),
      );
      const answer = await get(open);
      expect(answer).toMatchObject({ status: 200, headers: { etag: '"x"' } });
      expect((await borrowAll(answer!.content, ms)).equals(bytes)).toBe(true);
      expect(requestText).toBe('GET /a%20b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n');
    },
  );

  it('gives copies to whoever reads it as a stream', async () => {
    const open = await serve((socket) => socket.end(Buffer.concat([Buffer.from(head(bytes.length)), bytes])));
    const answer = await get(open);
    await sleep(20);
    const pieces: Buffer[] = [];
    for await (const piece of answer!.content as AsyncIterable<Buffer>) {
      pieces.push(piece);
      await sleep(5);
    }
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it('reads a head that comes in pieces', async () => {
    const whole = `${head(5, '206 Partial Content')}hello`;
    const open = await serve((socket) => {
      void (async () => {
        for (const byte of whole) {
          socket.write(byte);
          await sleep(1);
        }
      })();
    });
    const answer = await get(open);
    expect(answer?.status).toBe(206);
    expect((await buffer(answer!.content)).toString()).toBe('hello');
  });

  it.each([
    ['a refusal', head(5, '404 Not Found')],
    ['a redirect', head(5, '302 Found')],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n'],
    ['both lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n'],
    ['an old version', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n c\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['an endless head', `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(40_000)}`],
    ['nothing', ''],
  ])('leaves %s to a whole client', async (_, text) => {
    const open = await serve((socket) => socket.end(`${text}hello`));
    expect(await get(open)).toBeUndefined();
  });

  it.each([
    ['short', 6],
    ['long', 4],
  ])('fails with a %s body', async (_, announcedBytes) => {
    const open = await serve((socket) => socket.end(`${head(announcedBytes)}hello`));
    const answer = await get(open);
    await expect(buffer(answer!.content)).rejects.toThrow('wrong length');
  });

  it('fails when the server falls silent, and waits for a borrower that does', async () => {
    const open = await serve((socket) => socket.write(`${head(6)}hello`));
    await expect(get(open, {}, 50).then((answer) => buffer(answer!.content))).rejects.toMatchObject({
      code: 'UND_ERR_BODY_TIMEOUT',
    });
    const big = await serve((socket) => socket.end(Buffer.concat([Buffer.from(head(bytes.length)), bytes])));
    const answer = await get(big, {}, 50);
    await sleep(150);
    expect((await borrowAll(answer!.content, 0)).equals(bytes)).toBe(true);
  });

  it('gives up after the deadline of the answer', async () => {
    const open = await serve(() => undefined);
    await expect(get(open, { responseMs: 50 })).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
  });

  it('ends with its signal before the headers', async () => {
    const open = await serve(() => undefined);
    await expect(get(open, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    const connecting: OpenSocket = () => new Promise(() => undefined);
    const caller = new AbortController();
    const attempt = get(connecting, { signal: caller.signal });
    caller.abort();
    await expect(attempt).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('ends its content with its signal', async () => {
    const endless = await serve((socket) => socket.write(`${head(1_000)}hello`));
    const caller = new AbortController();
    const answer = await get(endless, { signal: caller.signal });
    const read = buffer(answer!.content);
    caller.abort();
    await expect(read).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('closes the connection when its content is destroyed', async () => {
    let closed: Promise<unknown> | undefined;
    const open = await serve((socket) => {
      closed = once(socket, 'close');
      socket.write(`${head(1_000)}hello`);
    });
    (await get(open))?.content.destroy();
    await closed;
  });
});
