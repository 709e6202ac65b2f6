import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../seeded-random.js';

/** No answer for so long counts as none. */
const ANSWER_MS = 30_000;

/** Requests of one user to whichever server is up. */
export class MortalApi {
  constructor(
    private readonly alive: () => readonly string[],
    private readonly key: string,
    private readonly random: SeededRandom,
  ) {}

  /** @param target a path, or a whole URL that needs no key @throws Error when no answer came */
  async fetch(target: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    let url = target;
    if (target.startsWith('/')) {
      url = (await this.someServer()) + target;
      headers.set('authorization', `Bearer ${this.key}`);
    }
    return fetch(url, { ...init, headers, signal: AbortSignal.timeout(ANSWER_MS) });
  }

  /** @throws Error for any answer but a 2xx */
  async json<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await this.fetch(path, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    return answerOf(response);
  }

  private async someServer(): Promise<string> {
    for (;;) {
      const up = this.alive();
      if (up.length > 0) return this.random.pick(up);
      await sleep(20);
    }
  }
}

/** @throws Error for any answer but a 2xx */
export async function answerOf<Answer>(response: Response): Promise<Answer> {
  const text = await response.text();
  if (!response.ok) throw new Refusal(response.status, text);
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}

/** An answer that says no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly text: string,
  ) {
    super(`answered ${status}: ${text}`);
  }
}
