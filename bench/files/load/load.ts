import { matchesPattern } from '../bytes.ts';
import { answerCommands } from '../commands.ts';
import { closedLoop } from './closed-loop.ts';
import type { Reply } from './connection.ts';
import type { GetJob, LoadResult, RawUploadJob, RefusalJob, UploadJob } from './jobs.ts';
import { putExchange, tusExchange } from './raw-uploads.ts';
import { requestHead, uploadWriter } from './uploads.ts';

/* The client of the benchmark: a process of its own that speaks HTTP/1.1 on plain sockets. */

answerCommands({
  upload,
  get,
  refusal,
  put: (job: RawUploadJob) => closedLoop(job, () => putExchange(job)),
  tus: (job: RawUploadJob) => closedLoop(job, () => tusExchange(job)),
});

function upload(job: UploadJob): Promise<LoadResult> {
  return closedLoop(job, () => {
    const write = uploadWriter(job);
    return async (connection, serial) => {
      const reply = await connection.request((socket) => write(socket, serial));
      return accept(reply, 200, 299);
    };
  });
}

function get(job: GetJob): Promise<LoadResult> {
  const requests = job.paths.map((path) => head('GET', path, job.headers));
  const inspect = job.patternBytes === undefined ? undefined : matchesPattern;
  return closedLoop(job, () => async (connection, serial) => {
    const request = requests[serial % requests.length] ?? '';
    const reply = await connection.request((socket) => void socket.write(request, 'latin1'), inspect);
    if (job.patternBytes !== undefined && reply.bodyBytes !== job.patternBytes) {
      throw new Error(`${reply.bodyBytes} bytes instead of ${job.patternBytes}`);
    }
    return accept(reply, 200, 200);
  });
}

function refusal(job: RefusalJob): Promise<LoadResult> {
  const request = requestHead(job, 'too-large.bin');
  return closedLoop(job, () => async (connection) => {
    const reply = await connection.request((socket) => void socket.write(request, 'latin1'));
    connection.close(); // its announced body will never come
    return accept(reply, 413, 413);
  });
}

function accept(reply: Reply, least: number, most: number): number {
  if (reply.status >= least && reply.status <= most) return reply.bodyBytes;
  throw new Error(`status ${reply.status}: ${reply.excerpt}`);
}

function head(method: string, path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}\r\n`;
}
