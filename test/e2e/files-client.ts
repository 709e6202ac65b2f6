import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { startServer, type TestServer, type TestServerOptions } from '../support/server.js';

export interface ApiFile {
  readonly id: number;
  readonly filename: string;
  readonly file_size: number;
  readonly checksum: string;
  readonly content_type: string;
  readonly cloud_url: string;
  readonly uploaded_at: string;
  readonly last_accessed: string | null;
}

/** One user of a server. */
export class FilesClient<Server extends { readonly url: string } = TestServer> {
  constructor(
    readonly server: Server,
    readonly key: string,
  ) {}

  /** The administrator of a server of its own. The bucket is a local_disk one unless other settings are given. */
  static async start(options: TestServerOptions & { readonly bucket?: object } = {}): Promise<FilesClient> {
    const server = await startServer({
      ...options,
      env: { RATE_LIMIT_PER_KEY: '1000000', ...options.env },
    });
    const client = new FilesClient(server, server.adminKey);
    await client.configure(options.bucket ?? { provider: 'local_disk', bucket_name: 'files' });
    return client;
  }

  /** Another user, with the scope `user` and without a bucket. */
  async otherUser(): Promise<FilesClient<Server>> {
    const name = `user ${randomBytes(4).toString('hex')}`;
    const user = await this.json<{ id: number }>('POST', '/api/v1/users', { name });
    const { key } = await this.json<{ key: string }>('POST', '/api/v1/api-keys', {
      name,
      user_id: user.id,
      kind: 'user',
    });
    return new FilesClient(this.server, key);
  }

  async configure(settings: object): Promise<void> {
    await this.json('PUT', '/api/v1/settings/cloud-storage', settings);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.key}`);
    return fetch(new URL(path, this.server.url), { ...init, headers });
  }

  /** A request that must succeed. */
  async json<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.fetch(path, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async upload(
    filename: string,
    content: Uint8Array | string,
    type = 'application/octet-stream',
  ): Promise<ApiFile> {
    const response = await this.fetch(`/api/v1/files?filename=${encodeURIComponent(filename)}`, {
      method: 'PUT',
      headers: { 'content-type': type },
      body: content as Uint8Array<ArrayBuffer>,
    });
    if (response.status !== 201)
      throw new Error(`The upload was answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as ApiFile;
  }

  async list(query = ''): Promise<ApiFile[]> {
    return (await this.json<{ data: ApiFile[] }>('GET', `/api/v1/files${query}`)).data;
  }

  /** The job, once it has ended. */
  async ended<Job extends { readonly id: string; readonly state: string }>({ id }: Job): Promise<Job> {
    for (;;) {
      const job = await this.json<Job>('GET', `/api/v1/jobs/${id}`);
      if (!['queued', 'running'].includes(job.state)) return job;
      await sleep(50);
    }
  }

  leftovers(): Promise<{
    files: unknown[];
    objects: unknown[];
    uploads: unknown[];
    scanned_objects: number;
  }> {
    return this.json('GET', '/api/v1/files/leftovers?older_than_seconds=0');
  }

  /** Sends these bytes as they are and answers with what came back until the connection ended or was silent. */
  raw(
    bytes: Buffer | string,
    options: { readonly until?: RegExp; readonly reset?: boolean } = {},
  ): Promise<string> {
    const { hostname, port } = new URL(this.server.url);
    return new Promise((resolve) => {
      let answer = '';
      const socket = connect(Number(port), hostname);
      const finish = () => {
        socket.destroy();
        resolve(answer);
      };
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
        if (options.until?.test(answer)) finish();
      });
      socket.on('error', finish);
      socket.on('close', finish);
      socket.setTimeout(5_000, finish);
      socket.write(bytes, () => {
        if (options.reset) {
          socket.resetAndDestroy();
          resolve(answer);
        }
      });
    });
  }

  /** Request line and headers of a request of this user. */
  head(method: string, path: string, headers: Readonly<Record<string, string | number>>): string {
    const lines = Object.entries({ host: 'test', authorization: `Bearer ${this.key}`, ...headers });
    return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  }
}
