import { randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';

/** An answer to one hand-written request. */
export interface TusAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TusRequest {
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array;
  /** Announces another length than that of the body, and never ends the request. */
  readonly announcedBytes?: number;
  /** Resets the connection when the body was handed to the kernel; then there is no answer. */
  readonly cut?: boolean;
}

/** Speaks tus by hand, one connection a request, so that every header is the test's own. */
export class TusClient {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  static metadata(values: Readonly<Record<string, string>>): string {
    return Object.entries(values)
      .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
      .join(',');
  }

  /** Undefined when the connection ended without an answer. */
  ask(method: string, path: string, request: TusRequest = {}): Promise<TusAnswer | undefined> {
    return this.begin(method, path, request).answer;
  }

  /** As `ask`; the body can be held back. */
  begin(method: string, path: string, { headers = {}, body, announcedBytes, cut = false }: TusRequest = {}) {
    const length = announcedBytes ?? body?.length;
    const outgoing = httpRequest(new URL(path, this.url), {
      method,
      agent: false,
      headers: {
        authorization: `Bearer ${this.key}`,
        'tus-resumable': '1.0.0',
        ...(length !== undefined && {
          'content-type': 'application/offset+octet-stream',
          'content-length': length,
        }),
        ...headers,
      },
    });
    const answer = new Promise<TusAnswer | undefined>((resolve) => {
      outgoing.on('error', () => resolve(undefined));
      outgoing.on('response', (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        incoming.on('error', () => resolve(undefined));
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
        );
      });
    });
    if (body === undefined) outgoing.end();
    else if (cut) outgoing.write(body, () => outgoing.destroy());
    else if (announcedBytes === undefined) outgoing.end(body);
    else outgoing.write(body);
    return { answer, abort: () => outgoing.destroy() };
  }

  /** Begins an upload and answers with its path. */
  async create(sizeBytes: number, metadata: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await this.ask('POST', '/api/v1/tus', {
      headers: {
        'upload-length': sizeBytes,
        'upload-metadata': TusClient.metadata({ filename: randomBytes(4).toString('hex'), ...metadata }),
      },
    });
    if (answer?.status !== 201)
      throw new Error(`The creation was answered ${answer?.status}: ${answer?.body}`);
    return answer.headers.location!;
  }

  async patch(path: string, offset: number, body: Uint8Array, headers: TusRequest['headers'] = {}) {
    const answer = await this.ask('PATCH', path, { headers: { 'upload-offset': offset, ...headers }, body });
    if (answer === undefined) throw new Error('The connection ended without an answer.');
    return answer;
  }

  async offsetOf(path: string): Promise<number> {
    const answer = await this.ask('HEAD', path);
    if (answer?.status !== 200) throw new Error(`HEAD was answered ${answer?.status}.`);
    return Number(answer.headers['upload-offset']);
  }
}
