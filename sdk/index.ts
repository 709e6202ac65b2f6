import { createClient, createConfig } from './generated/client/index.js';
import { Operations, type Problem } from './generated/index.js';

export type * from './generated/index.js';

export interface StowageOptions {
  /** Where the server is, e.g. `https://stowage.example.org`; a path prefix is kept. */
  readonly baseUrl: string;
  /** `stw_…`; may be left out for the few routes that need none. */
  readonly apiKey?: string;
  /** Another fetch, e.g. with a proxy or with retries. */
  readonly fetch?: typeof fetch;
}

/** Every answer that is no success. Decide by `code`; show `message`. */
export class StowageProblem extends Error {
  constructor(
    readonly problem: Problem,
    /** Seconds to wait, when the server named them. */
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(problem.detail);
    this.name = 'StowageProblem';
  }

  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }
}

/**
 * All operations of a Stowage server, one method each: `const { data } = await stowage.getReadiness()`. The answer's
 * headers (ETag, Link, Idempotency-Replayed) are in `response`.
 * @throws StowageProblem from every method; TypeError when the server cannot be reached
 */
export function createStowage({ baseUrl, apiKey, fetch }: StowageOptions): Operations {
  const client = createClient(
    createConfig({
      baseUrl: baseUrl.replace(/\/+$/, ''),
      auth: apiKey,
      throwOnError: true,
      ...(fetch && { fetch }),
    }),
  );
  client.interceptors.error.use((error, response) => {
    return isProblem(error) ? new StowageProblem(error, retryAfterOf(response)) : error;
  });
  return new Operations({ client });
}

function isProblem(error: unknown): error is Problem {
  const { code, detail, status } = (error ?? {}) as Partial<Record<keyof Problem, unknown>>;
  return typeof code === 'string' && typeof detail === 'string' && typeof status === 'number';
}

function retryAfterOf(response: Response | undefined): number | undefined {
  const seconds = Number(response?.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}
