import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AGENT_PATHS, PROTOCOL_HEADER } from '../../agent-protocol/protocol.js';
import { ServerConnection } from './server-connection.js';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

describe('the connection to the server', () => {
  let server: Server;
  let connection: ServerConnection;
  const answers: Answer[] = [];
  const asked: IncomingMessage[] = [];

  beforeEach(async () => {
    answers.length = 0;
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(request.resume());
      (answers.shift() ?? ok)(response, request);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    connection = new ServerConnection({
      proxies: { except: [] },
      url: new URL(`http://127.0.0.1:${port}/below/`),
      apiKey: 'stw_key',
      now: () => Date.now(),
      spread: { baseMs: 5, maxMs: 20 },
    });
  });

  afterEach(async () => {
    await connection.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const ok: Answer = (response) => response.end('{"revision":"1"}');
  const drop: Answer = (response) => response.destroy();
  const problem =
    (status: number, code: string, more: object = {}): Answer =>
    (response) =>
      response.writeHead(status).end(JSON.stringify({ code, detail: `It is ${code}.`, ...more }));
  const ask = (patienceMs = 5_000, deadlineMs?: number) =>
    connection.ask(AGENT_PATHS.sync, { wait_seconds: 0 }, { patienceMs, deadlineMs });

  it('names the protocol and the key, below the path of the server', async () => {
    await expect(ask()).resolves.toEqual({ revision: '1' });
    const [{ url, headers }] = asked as [IncomingMessage];
    expect(url).toBe('/below/api/v1/agent/sync');
    expect(headers).toMatchObject({ [PROTOCOL_HEADER]: '1', authorization: 'Bearer stw_key' });
    expect(Math.abs(connection.clockSkewMs!)).toBeLessThan(10_000);
  });

  it('asks again after what passes', async () => {
    const page: Answer = (response) => response.writeHead(502).end('<html>');
    answers.push(
      drop,
      problem(503, 'service_unavailable'),
      page,
      problem(500, 'internal_error', { retryable: true }),
    );
    await expect(ask()).resolves.toEqual({ revision: '1' });
    expect(asked).toHaveLength(5);
    expect(connection.lastFailure).toBeUndefined();
  });

  it('waits as long as the server wishes', async () => {
    answers.push((response) =>
      response.writeHead(429, { 'retry-after': '1' }).end('{"code":"rate_limited"}'),
    );
    const startedMs = performance.now();
    await ask();
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(990);
  });

  it.each([
    ['lease_held', 409, { retryable: true }],
    ['lease_lost', 409, {}],
    ['agent_removed', 401, {}],
    ['validation_failed', 400, {}],
  ])('does not ask again after %s', async (code, status, more) => {
    answers.push(problem(status, code, more));
    await expect(ask()).rejects.toMatchObject({ code, status, message: `It is ${code}.` });
    expect(asked).toHaveLength(1);
  });

  it('says that the server is away when its patience ends, and why', async () => {
    answers.push(drop, drop, drop, drop, drop, drop, drop, drop, drop, drop, drop, drop, drop, drop, drop);
    await expect(ask(30)).rejects.toMatchObject({ code: 'server_unreachable', retryable: true });
    expect(connection.lastFailure).toContain('cannot be reached');
  });

  it('does not wait for ever', async () => {
    answers.push(() => undefined);
    await expect(ask(0, 50)).rejects.toThrow('no answer within 0.05 s');
  });

  it('knows what no Stowage server says', async () => {
    answers.push((response) => response.writeHead(404).end('<html>'));
    await expect(ask(0)).rejects.toMatchObject({ code: 'server_answer_invalid' });
    answers.push((response) => response.end('[]'));
    await expect(ask(0)).rejects.toMatchObject({ code: 'server_answer_invalid' });
  });

  it('ends with the signal, also while it waits', async () => {
    answers.push(problem(503, 'service_unavailable', {}));
    const stop = new AbortController();
    const asking = connection.ask(AGENT_PATHS.sync, {}, { patienceMs: 60_000, signal: stop.signal });
    setTimeout(() => stop.abort(new Error('stopped')), 30);
    answers.push(() => undefined);
    await expect(asking).rejects.toThrow('stopped');
  });
});
