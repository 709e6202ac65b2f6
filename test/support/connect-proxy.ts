import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface ConnectProxy {
  readonly port: number;
  /** `host:port` of every tunnel that was asked for, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

export interface ConnectProxyOptions {
  /** Where each `host:port` really is, on this machine; others are answered 502. */
  readonly ports: Readonly<Record<string, number>>;
  /** `name:password` that whoever asks must give; others are answered 407. */
  readonly credentials?: string;
}

/** A proxy that makes tunnels (RFC 9110, 9.3.6) and knows names that nobody else does. */
export async function startConnectProxy({ ports, credentials }: ConnectProxyOptions): Promise<ConnectProxy> {
  const asked: string[] = [];
  const open = new Set<Socket>();
  const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url!);
    const port = ports[request.url!];
    const keep = (socket: Socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket));
    };
    keep(client);
    const refuse = (status: string) => client.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
    if (expected !== undefined && request.headers['proxy-authorization'] !== expected)
      return refuse('407 Proxy Authentication Required');
    if (port === undefined) return refuse('502 Bad Gateway');
    const target = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(client).pipe(target);
    });
    keep(target);
    client.once('close', () => target.destroy());
    target.once('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
