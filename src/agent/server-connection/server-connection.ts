import { setTimeout as sleep } from 'node:timers/promises';
import { AGENT_PATHS, PROTOCOL_HEADER, PROTOCOL_VERSION } from '../../agent-protocol/protocol.js';
import { VERSION } from '../../config/version.js';
import { AgentError, ServerRefusal } from '../agent-error.js';
import { Outgoing } from './outgoing.js';
import { type Proxies, proxyFor, proxyName } from './proxies.js';
import { readAnswer, type RawAnswer } from './read-answer.js';
import { retryDelayMs, type RetrySpread } from './retry-delay.js';

export type AgentPath = (typeof AGENT_PATHS)[keyof typeof AGENT_PATHS];

export interface ServerConnectionOptions {
  readonly url: URL;
  readonly apiKey?: string;
  readonly proxies: Proxies;
  /** Milliseconds since the epoch; only to know how far the clocks differ. */
  readonly now: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly spread?: RetrySpread;
}

export interface AskOptions {
  readonly signal?: AbortSignal;
  /** Of one attempt. */
  readonly deadlineMs?: number;
  /** While the server is away, attempts go on for so long; 0: one attempt. */
  readonly patienceMs?: number;
  /** Called before each pause. */
  readonly onRetry?: (error: unknown) => void;
}

/** Long poll, heartbeat, a batch of orders, a commit and a command's question at the same time, and some more. */
const MAX_CONNECTIONS = 8;
const KEEP_ALIVE_MS = 55_000;
const CONNECT_MS = 10_000;
const DEADLINE_MS = 30_000;
/** What a server that is there says again and again is for its user to hear. */
const REFUSAL_PATIENCE_MS = 60_000;
/** Said by a server that is about to stop or has too much to do: as good as away. */
const AWAY_CODES: ReadonlySet<string> = new Set(['service_unavailable', 'rate_limited']);
/** Who is told so decides when to ask again. */
const DECIDED_CODES: ReadonlySet<string> = new Set(['lease_held']);
const SPREAD: RetrySpread = { baseMs: 500, maxMs: 30_000 };

/**
 * The one outgoing connection of a host: kept-alive HTTP to its server. Every question may be repeated without harm (a
 * run's commit carries the run's id), so that one without an answer is asked again, with growing pauses, until the
 * patience ends.
 */
export class ServerConnection {
  readonly #options: ServerConnectionOptions;
  readonly #outgoing: Outgoing;
  readonly #basePath: string;
  #clockSkewMs: number | undefined;
  #lastFailure: string | undefined;

  constructor(options: ServerConnectionOptions) {
    this.#options = options;
    this.#basePath = options.url.pathname.replace(/\/$/, '');
    this.#outgoing = new Outgoing(options.proxies, {
      connections: MAX_CONNECTIONS,
      keepAliveMs: KEEP_ALIVE_MS,
      connectMs: CONNECT_MS,
    });
  }

  /** How far the server's clock is ahead of this host's, by its last answer; whole seconds at best. */
  get clockSkewMs(): number | undefined {
    return this.#clockSkewMs;
  }

  /** Why the server's last answer was none; `undefined` while it answers. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  /**
   * Posts a message and answers what came back. Rejects with a ServerRefusal (the server's own code), with
   * `server_unreachable` once the patience has ended, `server_answer_invalid`, or the signal's reason.
   */
  async ask<Answer>(path: AgentPath, message: object, options: AskOptions = {}): Promise<Answer> {
    const { signal, deadlineMs = DEADLINE_MS, patienceMs = 0, onRetry } = options;
    const startedMs = performance.now();
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#askOnce<Answer>(path, message, deadlineMs, signal);
      } catch (error) {
        signal?.throwIfAborted();
        const waitMs = this.#pauseAfter(error, attempt);
        const limitMs = isAway(error) ? patienceMs : Math.min(patienceMs, REFUSAL_PATIENCE_MS);
        if (waitMs === undefined || performance.now() - startedMs + waitMs > limitMs) throw error;
        onRetry?.(error);
        await sleep(waitMs, undefined, { signal });
      }
    }
  }

  async close(): Promise<void> {
    await this.#outgoing.close();
  }

  /** `undefined`: asking again would be answered in the same way. */
  #pauseAfter(error: unknown, attempt: number): number | undefined {
    if (!(error instanceof AgentError || error instanceof ServerRefusal) || !error.retryable)
      return undefined;
    if (DECIDED_CODES.has(error.code)) return undefined;
    const { spread = SPREAD, random = Math.random } = this.#options;
    return retryDelayMs(attempt, spread, random, error.retryAfterMs);
  }

  async #askOnce<Answer>(
    path: AgentPath,
    message: object,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    try {
      const answer = await this.#send(path, message, deadlineMs, signal);
      this.#lastFailure = undefined;
      return answer as Answer;
    } catch (error) {
      this.#lastFailure = isAway(error) ? (error as Error).message : undefined;
      throw error;
    }
  }

  async #send(path: AgentPath, message: object, deadlineMs: number, signal: AbortSignal | undefined) {
    const { apiKey, now, url } = this.#options;
    const deadline = AbortSignal.timeout(deadlineMs);
    let answer: RawAnswer;
    const sentMs = now();
    try {
      answer = await readAnswer(
        await this.#outgoing.request(url, {
          method: 'POST',
          path: this.#basePath + path,
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, application/problem+json',
            'user-agent': `stowage-agent/${VERSION}`,
            [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
            ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
          },
          body: JSON.stringify(message),
          headersTimeout: deadlineMs,
          bodyTimeout: deadlineMs,
          signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
        }),
      );
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof AgentError ? error : this.#unreachable(error, deadline.aborted, deadlineMs);
    }
    if (answer.dateMs !== undefined) this.#clockSkewMs = skewOf(answer.dateMs, (sentMs + now()) / 2);
    if (answer.refusal !== undefined) throw answer.refusal;
    return answer.body;
  }

  #unreachable(error: unknown, late: boolean, deadlineMs: number): AgentError {
    const { url, proxies } = this.#options;
    const why = late ? `no answer within ${deadlineMs / 1_000} s` : networkReason(error);
    const proxy = proxyFor(url, proxies);
    const way = proxy === undefined ? '' : ` through the proxy ${proxyName(proxy)}`;
    return new AgentError(
      'server_unreachable',
      `The server at ${url.origin} cannot be reached${way}: ${why}.`,
      {
        retryable: true,
        cause: error,
      },
    );
  }
}

function isAway(error: unknown): boolean {
  return !(error instanceof ServerRefusal) || AWAY_CODES.has(error.code);
}

/** The header has whole seconds: anything inside of that second is no difference. */
function skewOf(theirsMs: number, middleMs: number): number {
  if (middleMs < theirsMs) return Math.round(theirsMs - middleMs);
  return Math.round(Math.min(0, theirsMs + 1_000 - middleMs));
}

/** The code of the deepest cause says most: undici wraps what the socket says. */
export function networkReason(error: unknown): string {
  let at = error as NodeJS.ErrnoException;
  for (let depth = 0; depth < 4 && at.cause instanceof Error; depth += 1) at = at.cause;
  const refusal = /^Proxy response \((\d+)\)/.exec(at.message)?.[1];
  if (refusal !== undefined) return `the proxy answers ${refusal}`;
  return at.code ?? at.message ?? 'unknown network failure';
}
