import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createDialer } from '../storage-providers/dialer.js';
import { postMessage } from './post-message.js';

const FIXTURES = new URL('../../test/fixtures/tls/', import.meta.url);
const MESSAGE = { headers: { 'content-type': 'application/json' }, body: '{}' };

describe('a message', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function listen(made: Server): Promise<number> {
    servers.push(made);
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    return (made.address() as AddressInfo).port;
  }

  async function post(
    answer: RequestListener,
    { timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ) {
    const port = await listen(createServer(answer));
    return postMessage(
      { url: `http://127.0.0.1:${port}/hook?token=1`, ...MESSAGE },
      {
        dialer: createDialer({ allowedPrivateEndpoints: [`127.0.0.1:${port}`] }),
        signal: signal ?? new AbortController().signal,
        timeoutMs,
      },
    );
  }

  it('has the status as its outcome, and how long to wait', async () => {
    const asked: (string | undefined)[] = [];
    const outcome = await post((request, response) => {
      asked.push(request.method, request.url);
      response.writeHead(503, { 'retry-after': '7' }).end('busy');
    });
    expect(asked).toEqual(['POST', '/hook?token=1']);
    expect(outcome).toEqual({ kind: 'answered', status: 503, retryAfterMs: 7_000 });
  });

  it('is taken, however much the receiver has to say', async () => {
    const startedMs = performance.now();
    const outcome = await post((_, response) => {
      const more = () => response.writable && response.write(Buffer.alloc(65_536), more);
      response.writeHead(200);
      more();
    });
    expect(outcome).toEqual({ kind: 'answered', status: 200 });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('is given up when nobody answers in time, or drips', async () => {
    expect(await post(() => undefined, { timeoutMs: 100 })).toEqual({
      kind: 'unreachable',
      reason: 'The receiver did not answer within 0.1 seconds.',
    });
    const dripping = post((_, response) => void setInterval(() => response.write('x'), 20).unref(), {
      timeoutMs: 150,
    });
    expect(await dripping).toEqual({ kind: 'answered', status: 200 });
  });

  it('is no outcome when its sender stops: it will be sent by another', async () => {
    const stop = new AbortController();
    const stopped = post(() => stop.abort(new Error('stopping')), { signal: stop.signal });
    await expect(stopped).rejects.toThrow('stopping');
  });

  it('says why no connection came about, without addresses', async () => {
    const reset = await post((request) => request.socket.destroy());
    expect(reset).toMatchObject({ reason: 'The receiver closed the connection without an answer.' });
    const dialer = createDialer({ allowedPrivateEndpoints: [] });
    const options = { dialer, signal: new AbortController().signal };
    const refused = await postMessage({ url: 'https://10.1.2.3/x', ...MESSAGE }, options);
    expect(refused).toMatchObject({
      kind: 'unreachable',
      reason: expect.stringContaining('not a public address'),
    });
  });

  it('is not sent to whoever cannot prove who they are', async () => {
    const [key, cert] = ['localhost.key.pem', 'localhost.cert.pem'].map((name) =>
      readFileSync(new URL(name, FIXTURES)),
    );
    let requests = 0;
    const port = await listen(createTlsServer({ key, cert }, () => (requests += 1)));
    const dialer = createDialer({ allowedPrivateEndpoints: [`localhost:${port}`] });
    const options = { dialer, signal: new AbortController().signal };
    const outcome = await postMessage({ url: `https://localhost:${port}/`, ...MESSAGE }, options);
    expect(outcome).toMatchObject({
      kind: 'unreachable',
      reason: expect.stringContaining('certificate is not trusted'),
    });
    expect(requests).toBe(0);
  });
});
