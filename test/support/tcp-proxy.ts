import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is wrong with the line, in each direction alike; set it at any time, it holds for new bytes at once. */
export interface LineFaults {
  /** Before each piece is handed on. */
  latencyMs: number;
  /** 0 is unlimited. */
  bytesPerSecond: number;
  /** Accepts connections and bytes, and hands nothing on. */
  blackHole: boolean;
  /** New connections are reset at once. */
  refuse: boolean;
  /** Answers requests on new connections with HTTP 503 itself. */
  unavailable: boolean;
  /** Ends each connection in an orderly way after so many bytes towards the server. */
  cutAfterUpBytes: number | undefined;
  /** Ends each connection in an orderly way after so many bytes towards the client. */
  cutAfterDownBytes: number | undefined;
  /** Ends each connection after so many answers: a further one is lost as a whole. Each must be short, one piece. */
  cutAfterAnswers?: number | undefined;
}

export interface TcpProxy {
  readonly port: number;
  readonly faults: LineFaults;
  /** Connections open now. */
  readonly connections: number;
  /** RST on every open connection. */
  reset(): void;
  stop(): Promise<void>;
}

const PIECE_BYTES = 16 * 1024;
const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/**
 * A bad line to `target`: latency, bandwidth, cuts, black holes and resets for whatever speaks TCP.
 * @param onCut told of each connection that `cutAfter…` ends, before any other one is looked at
 */
export async function startTcpProxy(
  target: { readonly host?: string; readonly port: number },
  onCut: () => void = () => undefined,
): Promise<TcpProxy> {
  const faults: LineFaults = {
    latencyMs: 0,
    bytesPerSecond: 0,
    blackHole: false,
    refuse: false,
    unavailable: false,
    cutAfterUpBytes: undefined,
    cutAfterDownBytes: undefined,
  };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    if (faults.refuse) {
      client.resetAndDestroy();
      return;
    }
    if (faults.unavailable) {
      client.on('error', () => undefined);
      client.once('data', () => client.end(UNAVAILABLE));
      client.resume();
      return;
    }
    const upstream = connect(target.port, target.host ?? '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const upwards = (bytes: number) => (faults.cutAfterUpBytes ?? Infinity) - bytes;
    const downwards = (bytes: number, pieces: number) =>
      pieces >= (faults.cutAfterAnswers ?? Infinity) ? 0 : (faults.cutAfterDownBytes ?? Infinity) - bytes;
    void carry(client, upstream, faults, upwards, onCut);
    void carry(upstream, client, faults, downwards, onCut);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    faults,
    get connections() {
      return open.size / 2;
    },
    reset: () => open.forEach((socket) => socket.resetAndDestroy()),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        open.forEach((socket) => socket.destroy());
      }),
  };
}

/** One direction of one connection. Never more than one piece is held, so backpressure reaches the sender. */
async function carry(
  from: Socket,
  to: Socket,
  faults: LineFaults,
  leftAfter: (bytes: number, pieces: number) => number,
  onCut: () => void,
): Promise<void> {
  let carried = 0;
  let pieces = 0;
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        const left = leftAfter(carried, pieces);
        const isLast = left <= piece.length;
        if (isLast) onCut();
        await hold(piece.length, faults);
        await write(to, piece.subarray(0, Math.max(left, 0)));
        carried += piece.length;
        pieces += 1;
        if (!isLast) continue;
        to.end();
        from.destroy();
        return;
      }
    }
    to.end();
  } catch {
    to.destroy();
  }
}

async function hold(bytes: number, faults: LineFaults): Promise<void> {
  if (faults.blackHole) await new Promise(() => undefined);
  const transferMs = faults.bytesPerSecond > 0 ? (bytes / faults.bytesPerSecond) * 1000 : 0;
  const waitMs = faults.latencyMs + transferMs;
  if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
}

function write(to: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (bytes.length === 0) resolve();
    else to.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
