import type { Socket } from 'node:net';
import { patternAt } from '../bytes.ts';
import type { Exchange } from './closed-loop.ts';
import type { Connection, Reply } from './connection.ts';
import type { RawUploadJob } from './jobs.ts';
import { writePattern } from './uploads.ts';

let run = process.pid;

/** Uploads of a file as the body of one PUT. */
export function putExchange({ path, headers, sizeBytes }: RawUploadJob): Exchange {
  const label = newLabel();
  return async (connection, serial) => {
    const target = `${path}?filename=${label}-${serial}.bin`;
    const reply = await send(connection, `PUT ${target}`, { ...headers, 'Content-Type': OCTETS }, sizeBytes);
    return expect(reply, 201).bodyBytes;
  };
}

/** Uploads of a file by tus: one request makes the upload, one brings all its bytes, as tus-js-client does it. */
export function tusExchange({ path, headers, sizeBytes }: RawUploadJob): Exchange {
  const label = newLabel();
  const tus = { ...headers, 'Tus-Resumable': '1.0.0' };
  return async (connection, serial) => {
    const name = Buffer.from(`${label}-${serial}.bin`).toString('base64');
    const announced = { 'Upload-Length': String(sizeBytes), 'Upload-Metadata': `filename ${name}` };
    const { location } = expect(await send(connection, `POST ${path}`, { ...tus, ...announced }, 0), 201);
    const target = new URL(location ?? '', 'http://127.0.0.1').pathname;
    const offset = { 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' };
    return expect(await send(connection, `PATCH ${target}`, { ...tus, ...offset }, sizeBytes), 204).bodyBytes;
  };
}

const OCTETS = 'application/octet-stream';
/** What is smaller goes with its head in one write. */
const BUFFERED_BYTES = 256 * 1024;

function send(
  connection: Connection,
  start: string,
  headers: Readonly<Record<string, string>>,
  sizeBytes: number,
): Promise<Reply> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${start} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}Content-Length: ${sizeBytes}\r\n\r\n`;
  return connection.request((socket: Socket) => {
    if (sizeBytes <= BUFFERED_BYTES) {
      socket.write(Buffer.concat([Buffer.from(head, 'latin1'), patternAt(0, sizeBytes)]));
      return;
    }
    socket.write(head, 'latin1');
    return writePattern(socket, sizeBytes);
  });
}

function expect(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply;
  throw new Error(`status ${reply.status}: ${reply.excerpt}`);
}

function newLabel(): string {
  return `bench-${(++run).toString(36)}`;
}
