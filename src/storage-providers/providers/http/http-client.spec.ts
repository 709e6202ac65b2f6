import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { lookup } from 'node:dns';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { readText } from './answer-body.js';
import { HttpClient } from './http-client.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const timeouts = { connectMs: 1_000, responseMs: 1_000, idleBodyMs: 300 };
const dialer = { assertAllowed: () => undefined, lookup: lookup as never };

let server: Server;
let client: HttpClient;
let handle: Handler;

beforeEach(async () => {
  server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client = new HttpClient({ provider: 'google_gcs', bucket: 'b', origin }, { dialer, timeouts });
});

afterEach(async () => {
  server.closeAllConnections();
  await client.close();
  await new Promise((resolve) => server.close(resolve));
});

const READER = `
  const server = require('node:http').createServer((request, response) =>
    request.resume().on('end', () => response.end()));
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

/** Collects request bodies; `whole` tells whether the server saw a complete request. */
function collector(): { bodies: { bytes: Buffer; whole: boolean }[] } {
  const bodies: { bytes: Buffer; whole: boolean }[] = [];
  handle = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('close', () => bodies.push({ bytes: Buffer.concat(chunks), whole: request.complete }));
    request.on('end', () => response.end('stored'));
  };
  return { bodies };
}

const put = (body: Uint8Array | Readable, sizeBytes: number, signal?: AbortSignal) =>
  client.send({ operation: 'put', method: 'PUT', path: '/k', body, sizeBytes, signal });

describe('sending a body of a known length', () => {
  it.each([
    ['a small buffer', Buffer.from('hello'), 5],
    ['an empty buffer', Buffer.alloc(0), 0],
    ['an empty stream', Readable.from([]), 0],
    ['a large buffer', Buffer.alloc(3_000_001, 7), 3_000_001],
    ['a stream', Readable.from([Buffer.from('he'), Buffer.alloc(0), Buffer.from('llo')]), 5],
  ])('delivers %s whole, with its length declared', async (_name, body, sizeBytes) => {
    const { bodies } = collector();
    const answer = await put(body, sizeBytes);
    expect(answer.status).toBe(200);
    expect(await readText(answer.body, 'put', 1_000)).toBe('stored');
    expect(bodies).toHaveLength(1);
    expect(bodies[0]?.bytes.byteLength).toBe(sizeBytes);
  });

  it.each([
    ['shorter', [Buffer.from('abc')], 5],
    ['longer by one chunk', [Buffer.from('abcde'), Buffer.from('f')], 5],
    ['longer within a chunk', [Buffer.from('abcdefgh')], 5],
    ['not empty though announced so', [Buffer.from('x')], 0],
  ])('never completes a request whose stream is %s', async (_name, chunks, sizeBytes) => {
    const { bodies } = collector();
    await expect(put(Readable.from(chunks), sizeBytes)).rejects.toMatchObject({
      code: 'integrity',
      retryable: false,
    });
    await client.close();
    expect(bodies.filter(({ whole }) => whole)).toEqual([]);
  });

  it('refuses a buffer of another length without a call', async () => {
    const { bodies } = collector();
    await expect(put(Buffer.from('abc'), 4)).rejects.toMatchObject({ code: 'integrity' });
    expect(bodies).toEqual([]);
  });

  it('gives up on a source that fails or falls silent', async () => {
    collector();
    const failing = new Readable({ read() {} });
    failing.push('abc');
    setImmediate(() => failing.destroy(new Error('client went away')));
    await expect(put(failing, 10)).rejects.toMatchObject({ code: 'aborted' });

    const silent = new Readable({ read() {} });
    silent.push('abc');
    await expect(put(silent, 10)).rejects.toMatchObject({ code: 'aborted' });
    expect(silent.destroyed).toBe(true);
  });

  it('lets timers and signals have their turn while source and socket are always ready', async () => {
    // The server reads in another process: nothing but the pauses between chunks gives the turn away.
    const reader = spawn(process.execPath, ['-e', READER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(reader.stdout, 'data')) as [Buffer];
    const elsewhere = new HttpClient(
      { provider: 'google_gcs', bucket: 'b', origin: new URL(`http://127.0.0.1:${port.toString().trim()}`) },
      { dialer, timeouts },
    );
    let turns = 0;
    const clock = setInterval(() => (turns += 1), 1);
    const body = Readable.from(
      Array.from({ length: 2_000 }, () => Buffer.alloc(65_536)),
      { objectMode: false },
    );
    const answer = await elsewhere.send({
      operation: 'put',
      method: 'PUT',
      path: '/',
      body,
      sizeBytes: 2_000 * 65_536,
    });
    answer.body.destroy();
    clearInterval(clock);
    reader.kill();
    await elsewhere.close();
    expect(turns).toBeGreaterThan(20);
  });

  it('leaves a source alone that was not read from, and outlives one that fails before', async () => {
    const whole = Readable.from([Buffer.from('abc')]);
    await expect(put(whole, 3, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
    expect(whole.destroyed).toBe(false);
    collector();
    expect((await put(whole, 3)).status).toBe(200);

    const failed = new Readable({ read() {} });
    const pending = put(failed, 3);
    failed.destroy(new Error('client went away'));
    await expect(pending).rejects.toMatchObject({ code: 'aborted' });
  });

  it('reads an answer that comes before the body is sent, then lets go of the source', async () => {
    handle = (_request, response) => response.writeHead(403).end('<Error/>');
    const endless = new Readable({ read() {} });
    endless.push(Buffer.alloc(1_000));
    const answer = await put(endless, 1e9);
    expect(answer.status).toBe(403);
    expect(await readText(answer.body, 'put', 1_000)).toBe('<Error/>');
    await new Promise((resolve) => (endless.closed ? resolve(0) : endless.once('close', resolve)));
    expect(endless.destroyed).toBe(true);
  });
});

describe('reading an answer', () => {
  const get = (signal?: AbortSignal) => client.send({ operation: 'get', method: 'GET', path: '/k', signal });

  it('fails when the connection is cut before the declared length', async () => {
    handle = (_request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('abc', () => response.destroy());
    };
    const { body } = await get();
    await expect(readText(body, 'get', 1_000)).rejects.toMatchObject({ name: 'StorageError' });
  });

  it('fails when the body stands still, and when the headers never come', async () => {
    handle = (_request, response) => void response.writeHead(200, { 'content-length': '10' }).write('abc');
    const { body } = await get();
    await expect(readText(body, 'get', 5_000)).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      retryable: true,
    });
    handle = () => undefined;
    await expect(get()).rejects.toMatchObject({ code: 'endpoint_unreachable', retryable: true });
  });

  it('is bounded in length and in time', async () => {
    handle = (_request, response) => response.end(Buffer.alloc(17 * 1024 * 1024));
    await expect(readText((await get()).body, 'list', 5_000)).rejects.toMatchObject({
      providerCode: 'ANSWER_TOO_LONG',
    });
    handle = (_request, response) => {
      const drip = setInterval(() => response.write('.'), 50);
      response.on('close', () => clearInterval(drip));
    };
    await expect(readText((await get()).body, 'list', 200)).rejects.toMatchObject({
      providerCode: 'ANSWER_TOO_SLOW',
    });
  });

  it('ends at once when its signal fires, before and during the answer', async () => {
    handle = (_request, response) => void response.writeHead(200, { 'content-length': '10' }).write('abc');
    await expect(get(AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
    const controller = new AbortController();
    const { body } = await get(controller.signal);
    setImmediate(() => controller.abort());
    await expect(readText(body, 'get', 5_000)).rejects.toMatchObject({ code: 'aborted' });
  });

  it('follows no redirect and answers every status', async () => {
    handle = (_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    const { status, body } = await get();
    body.destroy();
    expect(status).toBe(302);
  });

  it('drops a connection whose peer the policy refuses', async () => {
    let reached = false;
    handle = (_request, response) => {
      reached = true;
      response.end();
    };
    const port = (server.address() as AddressInfo).port;
    const seen: unknown[] = [];
    const guarded = new HttpClient(
      { provider: 'google_gcs', bucket: 'b', origin: new URL(`http://localhost:${port}`) },
      {
        timeouts,
        dialer: {
          ...dialer,
          assertPeer: (...peer) => {
            seen.push(peer);
            throw new Error('not public');
          },
        },
      },
    );
    await expect(guarded.send({ operation: 'get', method: 'GET', path: '/' })).rejects.toMatchObject({
      name: 'StorageError',
    });
    await guarded.close();
    expect(seen).toEqual([['localhost', '127.0.0.1']]);
    expect(reached).toBe(false);
  });

  it('reports a refused connection', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(get()).rejects.toMatchObject({ code: 'endpoint_unreachable', providerCode: 'ECONNREFUSED' });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
});
