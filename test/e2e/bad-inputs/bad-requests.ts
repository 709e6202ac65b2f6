import fc, { type Arbitrary } from 'fast-check';
import {
  extraField,
  hostileHeader,
  hostilePathValue,
  hostileQuery,
  hostileText,
  hostileValue,
  rawBody,
} from './hostile-values.js';
import type { Operation } from './operations.js';

/** A request as it goes out; `what` says what is wrong with it. */
export interface BadRequest {
  readonly operation: Operation;
  readonly what: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

/** Requests with one thing wrong each, the same ones for the same seed. */
export function badRequests(operations: readonly Operation[], count: number, seed: number): BadRequest[] {
  const each = Math.ceil(count / operations.length);
  return operations
    .flatMap((operation, index) => fc.sample(badRequest(operation), { numRuns: each, seed: seed + index }))
    .slice(0, count);
}

function badRequest(operation: Operation): Arbitrary<BadRequest> {
  const valid = validRequest(operation);
  const kinds: Arbitrary<BadRequest>[] = [
    hostileHeader.map(([name, value]) => ({
      ...valid,
      what: `header ${name}`,
      headers: { ...valid.headers, [name]: value },
    })),
    hostileQuery.map((query) => ({ ...valid, what: 'query', target: `${valid.target}?${query}` })),
  ];
  if (operation.pathParameters.length > 0)
    kinds.push(hostilePathValue.map((value) => withPath(valid, value)));
  if (operation.multipart)
    kinds.push(fc.tuple(hostileText, fc.nat(7)).map(([text, kind]) => multipart(valid, text, kind)));
  if (!operation.multipart && operation.method !== 'GET') {
    kinds.push(rawBody.map((body) => ({ ...valid, what: 'raw body', body })));
  }
  if (operation.body) kinds.push(...fieldChanges(valid, operation.body));
  return fc.oneof(...kinds);
}

function validRequest(operation: Operation): BadRequest {
  return {
    operation,
    what: 'nothing',
    method: operation.method,
    target: operation.path.replace(/\{\w+\}/g, '1'),
    headers: operation.body ? { 'content-type': 'application/json' } : {},
    body: operation.body ? JSON.stringify(operation.body) : undefined,
  };
}

function withPath(valid: BadRequest, value: string): BadRequest {
  return { ...valid, what: `path ${value}`, target: valid.operation.path.replace(/\{\w+\}/g, value) };
}

function fieldChanges(valid: BadRequest, body: Record<string, unknown>): Arbitrary<BadRequest>[] {
  const names = Object.keys(body);
  const withBody = (what: string, changed: object): BadRequest => ({
    ...valid,
    what,
    body: JSON.stringify(changed),
  });
  const changes = [extraField.map(([name, value]) => withBody(`extra ${name}`, { ...body, [name]: value }))];
  if (names.length > 0) {
    changes.push(
      fc
        .tuple(fc.constantFrom(...names), hostileValue)
        .map(([name, value]) => withBody(name, { ...body, [name]: value })),
      fc.constantFrom(...names).map((name) => {
        const { [name]: _left, ...rest } = body;
        return withBody(`without ${name}`, rest);
      }),
    );
  }
  return changes;
}

const BOUNDARY = 'x-stowage-test';

function multipart(valid: BadRequest, text: string, kind: number): BadRequest {
  const name = text.replace(/["\r\n]/g, '');
  const head = (disposition: string): string =>
    `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\n\r\n`;
  const end = `\r\n--${BOUNDARY}--\r\n`;
  const bodies = [
    ['hostile filename', `${head(`form-data; name="file"; filename="${name}"`)}data${end}`],
    ['hostile field', `${head(`form-data; name="${name}"; filename="a"`)}data${end}`],
    ['no final boundary', `${head('form-data; name="file"; filename="a"')}data`],
    ['no file', `${head('form-data; name="note"')}data${end}`],
    ['no disposition', `--${BOUNDARY}\r\nX: y\r\n\r\ndata${end}`],
    ['endless headers', `--${BOUNDARY}\r\n${'X-A: b\r\n'.repeat(5000)}`],
    [
      'field after file',
      `${head('form-data; name="file"; filename="a"')}1\r\n${head('form-data; name="z"')}2${end}`,
    ],
    ['no boundary at all', name],
  ] as const;
  const [what, body] = bodies[kind]!;
  return {
    ...valid,
    what: `multipart: ${what}`,
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body,
  };
}
