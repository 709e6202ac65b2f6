import type { Socket } from 'node:net';
import { patternAt, PERIOD_BYTES } from '../bytes.ts';
import type { UploadJob } from './jobs.ts';

const BOUNDARY = '----stowage-bench-5f0c2ad1';
const BUFFERED_BYTES = 256 * 1024;
const STREAM_CHUNK_BYTES = 256 * 1024;
const SERIAL_DIGITS = 12;

/** Writes one upload request to a socket. */
export type UploadWriter = (socket: Socket, serial: number) => void | Promise<void>;

let run = process.pid;

/**
 * Prepares a connection's uploads. All requests of a job have one length: small ones are one reused buffer in which
 * name and bytes change; large ones stream the pattern from its start, so that a later read can be checked.
 */
export function uploadWriter(job: UploadJob): UploadWriter {
  const name = `bench-${(++run).toString(36)}-${'0'.repeat(SERIAL_DIGITS)}.bin`;
  const head = requestHead(job, name);
  const nameAt = head.lastIndexOf(`${'0'.repeat(SERIAL_DIGITS)}.bin`);
  return job.sizeBytes <= BUFFERED_BYTES ? buffered(job, head, nameAt) : streamed(job, head, nameAt);
}

function buffered(job: UploadJob, head: string, nameAt: number): UploadWriter {
  const request = Buffer.concat([Buffer.from(head, 'latin1'), Buffer.alloc(job.sizeBytes), tail()]);
  return (socket, serial) => {
    const label = serial.toString().padStart(SERIAL_DIGITS, '0');
    request.write(label, nameAt, 'latin1');
    patternAt((serial * 7919) % PERIOD_BYTES, job.sizeBytes).copy(request, head.length);
    request.write(label, head.length, 'latin1');
    socket.write(request);
  };
}

function streamed(job: UploadJob, head: string, nameAt: number): UploadWriter {
  return async (socket, serial) => {
    const label = serial.toString().padStart(SERIAL_DIGITS, '0');
    socket.write(head.slice(0, nameAt) + label + head.slice(nameAt + SERIAL_DIGITS), 'latin1');
    await writePattern(socket, job.sizeBytes);
    socket.write(tail());
  };
}

/** Streams the pattern from its start. */
export async function writePattern(socket: Socket, sizeBytes: number): Promise<void> {
  for (let sent = 0; sent < sizeBytes && !socket.destroyed;) {
    const chunk = patternAt(sent, Math.min(STREAM_CHUNK_BYTES, sizeBytes - sent));
    sent += chunk.length;
    if (!socket.write(chunk)) await drained(socket);
  }
}

/** Request and part head of an upload, up to the first byte of its file. */
export function requestHead(
  { path, headers, field, sizeBytes }: Pick<UploadJob, 'path' | 'headers' | 'field' | 'sizeBytes'>,
  filename: string,
): string {
  const part =
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="${filename}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n';
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    `Content-Length: ${part.length + sizeBytes + tail().length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${part}`;
}

function tail(): Buffer {
  return Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
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
