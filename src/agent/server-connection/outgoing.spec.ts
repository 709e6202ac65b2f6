import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ConnectProxy, startConnectProxy } from '../../../test/support/connect-proxy.js';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import { ObjectTransfers } from '../brokered-files/object-transfers.js';
import { UploadPace } from '../brokered-files/upload-pace.js';
import { readProxies } from './proxies.js';
import { ServerConnection } from './server-connection.js';

const CREDENTIALS = 'ada:s3cret';

describe('a host behind a proxy', () => {
  let target: Server;
  let proxy: ConnectProxy;
  const closing: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    target = createServer((request, response) => {
      request.resume().once('end', () => response.end(JSON.stringify({ path: request.url })));
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const { port } = target.address() as AddressInfo;
    const ports = { 'stowage.test:3000': port, 'bucket.test:80': port };
    proxy = await startConnectProxy({ ports, credentials: CREDENTIALS });
  });

  afterEach(async () => {
    await Promise.all(closing.splice(0).map((each) => each.close()));
    await proxy.stop();
    target.closeAllConnections();
    target.close();
  });

  const proxiesOf = (credentials: string, no_proxy = '') =>
    readProxies({ http_proxy: `http://${credentials}@127.0.0.1:${proxy.port}`, no_proxy });
  function connection(url: string, credentials = CREDENTIALS): ServerConnection {
    const server = new ServerConnection({
      url: new URL(url),
      proxies: proxiesOf(credentials),
      now: Date.now,
    });
    closing.push(server);
    return server;
  }

  it('asks its server through it', async () => {
    const server = connection('http://stowage.test:3000/base');
    for (let count = 0; count < 3; count += 1)
      expect(await server.ask(AGENT_PATHS.sync, {})).toEqual({ path: `/base${AGENT_PATHS.sync}` });
    expect(new Set(proxy.asked)).toEqual(new Set(['stowage.test:3000']));
  });

  it('moves bytes to and from the bucket through it', async () => {
    const transfers = new ObjectTransfers(proxiesOf(CREDENTIALS));
    closing.push(transfers);
    const order = { kind: 'pack', id: 'a'.repeat(64), headers: {}, expires_in_seconds: 60 } as const;
    const url = 'http://bucket.test/x?signed';
    const put = transfers.put({ ...order, method: 'PUT', url }, Buffer.alloc(200_000), {
      pace: new UploadPace(null),
    });
    expect(await put).toBe('stored');
    const got = await transfers.get({ ...order, method: 'GET', url }, { maxBytes: 100 });
    expect(got.toString()).toBe('{"path":"/x?signed"}');
    expect(new Set(proxy.asked)).toEqual(new Set(['bucket.test:80']));
  });

  it('says that it was the proxy, and never its password', async () => {
    const refusal = (url: string, credentials?: string) =>
      connection(url, credentials)
        .ask(AGENT_PATHS.sync, {})
        .catch((error: Error) => error.message);
    const where = `through the proxy http://127.0.0.1:${proxy.port}`;
    expect(await refusal('http://stowage.test:3000', 'eve:wrong')).toContain(
      `${where}: the proxy answers 407.`,
    );
    expect(await refusal('http://other.test:3000')).toContain(`${where}: the proxy answers 502.`);
    await proxy.stop();
    expect(await refusal('http://stowage.test:3000')).toContain(`${where}: ECONNREFUSED.`);
  });

  it('reaches this machine, and what is spared, without it', async () => {
    const { port } = target.address() as AddressInfo;
    expect(await connection(`http://127.0.0.1:${port}`).ask(AGENT_PATHS.sync, {})).toBeDefined();
    const server = new ServerConnection({
      url: new URL('http://stowage.test:3000'),
      proxies: proxiesOf(CREDENTIALS, '.test'),
      now: Date.now,
    });
    closing.push(server);
    // Nobody else knows the name.
    await expect(server.ask(AGENT_PATHS.sync, {})).rejects.toThrow(/stowage.test:3000 cannot be reached: E/);
    expect(proxy.asked).toEqual([]);
  });
});
