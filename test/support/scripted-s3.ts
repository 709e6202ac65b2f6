import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { createDialer } from '../../src/storage-providers/dialer.js';
import type { ConnectContext } from '../../src/storage-providers/storage-provider.js';
import { AWS_QUIRKS } from '../../src/storage-providers/providers/aws-s3.js';
import type { S3Settings } from '../../src/storage-providers/providers/s3/s3-session.js';
import { S3Storage } from '../../src/storage-providers/providers/s3/s3-storage.js';
import { listen } from './double-server.js';

export interface SeenRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Answers one request. */
export type Script = (request: SeenRequest, response: ServerResponse) => void;

/**
 * A server that answers what a test tells it to, well-behaved or not, and a storage that talks to it. For what no
 * honest double would say; what S3 really does is tested against the doubles and Ceph.
 */
export class ScriptedS3 {
  readonly seen: SeenRequest[] = [];
  script: Script = (_request, response) => response.writeHead(200, { etag: '"e"' }).end();
  /** Answers before it has read the body, as S3 does when it refuses. */
  answersEarly = false;
  private stopServer: () => Promise<void> = async () => undefined;
  private readonly opened: S3Storage[] = [];
  private origin = '';

  static async start(): Promise<ScriptedS3> {
    const scripted = new ScriptedS3();
    const server = await listen((request, response) => void scripted.answer(request, response));
    scripted.origin = server.origin;
    scripted.stopServer = () => server.stop();
    return scripted;
  }

  /** A storage of bucket `box`. */
  open(settings: Partial<S3Settings> = {}, context: Partial<ConnectContext> = {}): S3Storage {
    const storage = new S3Storage(
      {
        provider: 's3_compatible',
        bucket: 'box',
        region: 'us-east-1',
        endpoint: new URL(this.origin),
        credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'the-secret' },
        quirks: { ...AWS_QUIRKS, addressing: 'path' },
        ...settings,
      },
      {
        dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
        localDiskRoot: '/nonexistent',
        timeouts: { connectMs: 2_000, responseMs: 10_000, idleBodyMs: 10_000 },
        ...context,
      },
    );
    this.opened.push(storage);
    return storage;
  }

  /** The same answer to every request. */
  always(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer = ''): void {
    this.script = (_request, response) => response.writeHead(status, headers).end(body);
  }

  async stop(): Promise<void> {
    await this.stopServer();
    await Promise.all(this.opened.map((storage) => storage.close()));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    try {
      const body = this.answersEarly ? Buffer.alloc(0) : await buffer(request);
      const seen = { method, url, headers, body };
      this.seen.push(seen);
      this.script(seen, response);
    } catch {
      // The client went away while it sent its body: that is part of some tests.
    }
  }
}
