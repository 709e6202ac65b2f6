import type { TestServer } from '../support/server.js';

/** A program that calls the API with one key, or a browser with its cookie. */
export class AuthClient {
  constructor(
    private readonly server: TestServer,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  static withKey(server: TestServer, key: string): AuthClient {
    return new AuthClient(server, { authorization: `Bearer ${key}` });
  }

  send(method: string, path: string, body?: unknown): Promise<Response> {
    const json = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      json === undefined ? this.headers : { ...this.headers, 'content-type': 'application/json' };
    return fetch(this.server.url + path, { method, headers, body: json });
  }

  async status(path = '/api/v1/me'): Promise<number> {
    const answer = await this.send('GET', path);
    await answer.arrayBuffer();
    return answer.status;
  }

  /** @throws Error when the answer has another status */
  async json<T>(status: number, method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.send(method, path, body);
    const text = await answer.text();
    if (answer.status !== status) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

/** Waits until the server has written something that matches. */
export async function logged(server: TestServer, pattern: RegExp): Promise<RegExpExecArray> {
  for (const deadlineMs = performance.now() + 30_000; ;) {
    const match = pattern.exec(server.logs());
    if (match !== null) return match;
    if (performance.now() > deadlineMs) throw new Error(`Never logged: ${pattern}\n${server.logs()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
