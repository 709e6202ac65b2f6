import type { Dispatcher } from 'undici';
import { AgentError, ServerRefusal } from '../agent-error.js';

export interface RawAnswer {
  /** Parsed; `undefined` for an answer without content. */
  readonly body: unknown;
  readonly refusal: ServerRefusal | undefined;
  /** The server's clock, milliseconds since the epoch. */
  readonly dateMs: number | undefined;
}

/** The longest is the list of index files of a large repository. */
const MAX_ANSWER_BYTES = 64 * 1_024 * 1_024;

/** Statuses that say nothing about the question: somebody between us and the server, or a server that is not ready. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Reads an answer to its end. Throws `server_answer_invalid` for what no server of ours says. */
export async function readAnswer(answer: Dispatcher.ResponseData): Promise<RawAnswer> {
  const { statusCode: status, headers } = answer;
  const text = await readText(answer.body);
  const dateMs = typeof headers.date === 'string' ? Date.parse(headers.date) : NaN;
  const read = { dateMs: Number.isNaN(dateMs) ? undefined : dateMs };
  if (status === 204) return { ...read, body: undefined, refusal: undefined };
  const body = parse(text);
  if (status >= 200 && status < 300 && isObject(body)) return { ...read, body, refusal: undefined };
  return { ...read, body: undefined, refusal: refusalOf(status, body, retryAfterMs(headers['retry-after'])) };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of body) {
    sizeBytes += piece.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw invalid('it is endless');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function refusalOf(status: number, body: unknown, waitMs: number | undefined): ServerRefusal {
  const problem = isObject(body) ? body : {};
  const { code, detail, retryable } = problem;
  if (typeof code === 'string') {
    const message = typeof detail === 'string' ? detail : `The server refuses with ${code}.`;
    return new ServerRefusal(code, message, status, {
      retryable: retryable === true || PASSING_STATUSES.has(status),
      retryAfterMs: waitMs,
    });
  }
  if (PASSING_STATUSES.has(status)) {
    const message = `The server is not available now (HTTP ${status}).`;
    return new ServerRefusal('service_unavailable', message, status, {
      retryable: true,
      retryAfterMs: waitMs,
    });
  }
  throw invalid(`HTTP ${status} without a reason`);
}

function invalid(what: string): AgentError {
  return new AgentError(
    'server_answer_invalid',
    `What answers is no Stowage server: ${what}. Check the address, and proxies in between.`,
    // A proxy's error page is gone when the proxy is well again.
    { retryable: true },
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Seconds; dates are for browsers. */
function retryAfterMs(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}
