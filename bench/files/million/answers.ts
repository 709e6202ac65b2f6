import type { Child } from '../child.ts';
import type { GetJob, LoadResult } from '../load/jobs.ts';
import type { Postgres } from '../postgres.ts';
import { DATABASE } from '../server.ts';
import type { AskedUser, Question } from './questions.ts';

/** Somebody who asks, and what the paths of the questions need to know of them. */
export interface Asker extends AskedUser {
  readonly headers: Readonly<Record<string, string>>;
}

/** How long one user's question took, in milliseconds, and what it cost the database. */
export interface Answers {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of one request. */
  readonly databaseMs: number;
  /** Of 8 KiB, of one request: what was looked at, in memory or not. */
  readonly databasePages: number;
}

const WARM_UP = 12;
/** Enough for a p99 of what is fast; what is slow is asked for as long as this. */
const REQUESTS = 200;
const FAST_MS = 50;
const SLOW_SECONDS = 6;

/** One request after the other, as one user's programs ask. @throws Error when one fails */
export async function answers(
  { load, postgres, port }: { readonly load: Child; readonly postgres: Postgres; readonly port: number },
  question: Question,
  asker: Asker,
): Promise<Answers> {
  const job = { port, headers: asker.headers, paths: [question.path(asker)], concurrency: 1 };
  const run = async (stop: GetJob['stop']): Promise<LoadResult> => {
    const result = await load.ask<LoadResult>('get', { ...job, stop });
    if (result.errors > 0) throw new Error(`${question.name}: ${result.firstError}`);
    return result;
  };
  // Each connection to the database prepares and plans for itself at first.
  const first = await run({ requests: 1 });
  const isFast = (await run({ requests: first.p50Ms < FAST_MS ? WARM_UP : 2 })).p50Ms < FAST_MS;
  const before = await postgres.costs(DATABASE);
  const { requests, p50Ms, p95Ms, p99Ms } = await run(
    isFast ? { requests: REQUESTS } : { seconds: SLOW_SECONDS },
  );
  const after = await postgres.costs(DATABASE);
  return {
    requests,
    p50Ms,
    p95Ms,
    p99Ms,
    databaseMs: (after.ms - before.ms) / requests,
    databasePages: (after.pages - before.pages) / requests,
  };
}
