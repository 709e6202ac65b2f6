import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createDialer } from '../dialer.js';
import { checkClock, checkDns, checkTls, type NetworkTarget } from './network-checks.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../test/fixtures/tls/${name}`, import.meta.url), 'utf8');
const TLS = { key: fixture('localhost.key.pem'), cert: fixture('localhost.cert.pem') };
const signal = new AbortController().signal;

describe('the checks of the network', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  function target(url: string, allowed = ['127.0.0.1', 'localhost']): NetworkTarget {
    return {
      provider: 's3_compatible',
      endpoint: new URL(url),
      context: {
        dialer: createDialer({
          allowedPrivateEndpoints: allowed,
          resolve: async (hostname) => {
            if (hostname === 'nowhere.example') throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
            return [{ address: '127.0.0.1', family: 4 }];
          },
        }),
        timeouts: { connectMs: 500, responseMs: 500, idleBodyMs: 500 },
      },
    };
  }

  const serve = (answer: RequestListener): Promise<number> => listening(createHttpServer(answer));

  describe('dns', () => {
    it('tells how many addresses a name has, and not which', async () => {
      const outcome = await checkDns(target('https://localhost'), signal);
      expect(outcome).toEqual({ status: 'passed', observed: { host: 'localhost', addresses: 1 } });
    });

    it('has nothing to do for an address', async () => {
      expect(await checkDns(target('https://127.0.0.1'), signal)).toMatchObject({ status: 'skipped' });
    });

    it('fails for a name that does not exist', async () => {
      expect(await checkDns(target('https://nowhere.example'), signal)).toMatchObject({
        status: 'failed',
        code: 'endpoint_unreachable',
        repair: expect.stringContaining('endpoint'),
      });
    });

    it('fails for a name that leads into the network of the operator', async () => {
      const outcome = await checkDns(target('https://looks.example', []), signal);
      expect(outcome).toMatchObject({ status: 'failed', code: 'endpoint_unreachable' });
      expect(JSON.stringify(outcome)).not.toContain('127.0.0.1');
    });
  });

  describe('tls', () => {
    it('fails for a certificate that nobody trusts, and names the reason', async () => {
      const port = await listening(createHttpsServer(TLS));
      expect(await checkTls(target(`https://localhost:${port}`), signal, Date.now())).toMatchObject({
        status: 'failed',
        code: 'endpoint_unreachable',
        detail: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
      });
    });

    it('fails where nobody listens, and where something else than TLS answers', async () => {
      const port = await listening(createTcpServer((socket) => socket.end('220 mail.example ESMTP\r\n')));
      for (const url of [`https://127.0.0.1:${port}`, 'https://127.0.0.1:1']) {
        const outcome = await checkTls(target(url), signal, Date.now());
        expect(outcome).toMatchObject({ status: 'failed', code: 'endpoint_unreachable' });
      }
    });

    it('does not wait for ever for a server that accepts and says nothing', async () => {
      const port = await listening(createTcpServer(() => undefined));
      const startedMs = performance.now();
      const outcome = await checkTls(target(`https://127.0.0.1:${port}`), signal, Date.now());
      expect(outcome).toMatchObject({ status: 'failed', code: 'endpoint_unreachable' });
      expect(performance.now() - startedMs).toBeLessThan(30_000);
    });

    it('warns of a connection without encryption', async () => {
      const port = await serve((_, response) => response.end());
      expect(await checkTls(target(`http://127.0.0.1:${port}`), signal, Date.now())).toMatchObject({
        status: 'warning',
      });
    });
  });

  describe('clock', () => {
    const answering = (date: string | undefined) =>
      serve((_, response) => {
        response.sendDate = false;
        if (date !== undefined) response.setHeader('date', date);
        response.statusCode = 403;
        response.end('<Error/>');
      });

    const MINUTE = 60_000;

    it.each([
      [0, 'passed'],
      [50_000, 'passed'],
      [-2 * MINUTE, 'warning'],
      [4 * MINUTE, 'warning'],
      [6 * MINUTE, 'failed'],
      [-6 * MINUTE, 'failed'],
      [-48 * 60 * MINUTE, 'failed'],
    ])('finds a provider that is %i ms ahead: %s', async (aheadMs, status) => {
      const nowMs = Date.parse('2026-11-22T12:00:00.500Z');
      const port = await answering(new Date(nowMs + aheadMs).toUTCString());
      const outcome = await checkClock(target(`http://127.0.0.1:${port}`), signal, () => nowMs);
      expect(outcome.status).toBe(status);
      expect(Math.abs(Number(outcome.observed?.provider_ahead_ms) - aheadMs)).toBeLessThan(1_000);
      if (status === 'failed') expect(outcome).toMatchObject({ code: 'clock_skew' });
    });

    it('does not take the missing fraction of a second for a difference', async () => {
      for (const fraction of [0, 499, 999]) {
        const nowMs = Date.parse('2026-11-22T12:00:00Z') + fraction;
        const port = await answering('Sun, 22 Nov 2026 12:00:00 GMT');
        const outcome = await checkClock(target(`http://127.0.0.1:${port}`), signal, () => nowMs);
        expect(outcome.observed).toEqual({ provider_ahead_ms: 0 });
      }
    });

    it.each([undefined, 'yesterday', ''])('is skipped when the server says %p', async (date) => {
      const port = await answering(date);
      const outcome = await checkClock(target(`http://127.0.0.1:${port}`), signal, () => Date.now());
      expect(outcome.status).toBe('skipped');
    });

    it('follows no redirect', async () => {
      let asked = 0;
      const inside = await serve((_, response) => {
        asked += 1;
        response.end();
      });
      const port = await serve((_, response) => {
        response.writeHead(307, { location: `http://127.0.0.1:${inside}/` });
        response.end();
      });
      await checkClock(target(`http://127.0.0.1:${port}`), signal, () => Date.now());
      expect(asked).toBe(0);
    });
  });
});
