import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestError } from '../errors/request-errors.js';

/** No path or parameter means a NUL, and PostgreSQL cannot store one. */
export function refuseNul(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  if (!request.url.includes('%00')) return done();
  done(new RequestError('bad_request', 'The path or the query has a NUL character.'));
}

const MAX_DEPTH = 32;
const MAX_VALUES = 20_000;

/**
 * Refuses JSON that is well-formed but that no route means: a body that is not an object, nesting that would
 * exhaust the stack of a validator, more values than any request has, and texts that PostgreSQL cannot store (NUL)
 * or that would not come back as they were sent (unpaired surrogates).
 * @throws RequestError `bad_request`
 */
export function assertPlainObject(body: unknown): asserts body is Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RequestError('bad_request', 'The body must be a JSON object.');
  }
  const budget = { values: MAX_VALUES };
  assertValue(body, 0, budget);
}

function assertValue(value: unknown, depth: number, budget: { values: number }): void {
  if (--budget.values < 0)
    throw new RequestError('bad_request', `The body has more than ${MAX_VALUES} values.`);
  if (typeof value === 'string') assertText(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth >= MAX_DEPTH)
    throw new RequestError('bad_request', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  if (Array.isArray(value)) {
    for (const item of value) assertValue(item, depth + 1, budget);
    return;
  }
  for (const name in value) {
    assertText(name);
    assertValue((value as Record<string, unknown>)[name], depth + 1, budget);
  }
}

function assertText(text: string): void {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new RequestError('bad_request', 'A text of the body has a NUL character or an unpaired surrogate.');
  }
}
