import { Readable } from 'node:stream';
import type { CheckResult } from '../storage-providers/connection-checks/check.js';
import type { ConnectionTestResult } from '../storage-providers/connection-checks/fold-result.js';
import type { ConnectionTestEvent } from '../storage-providers/connection-test.js';
import type { CheckDto, ConnectionTestDto } from './connection-test.dto.js';

/** The seed's answer to a connection test, with the checks behind it. */
export function testJson(result: ConnectionTestResult): ConnectionTestDto {
  const { error, details, repair } = result;
  return {
    success: result.success,
    message: result.message,
    ...(error !== undefined && { error }),
    ...(details !== undefined && { details }),
    ...(repair !== undefined && { repair }),
    latency_ms: result.latencyMs,
    bucket_accessible: result.bucketAccessible,
    write_permission: result.writePermission,
    read_permission: result.readPermission,
    delete_permission: result.deletePermission,
    checks: result.checks.map(checkJson),
  };
}

/**
 * The events of a test as a text/event-stream: `check.started` and `check.finished` for each check, at last `result`.
 * When the test breaks off, or the client goes away, the stream ends without a result.
 * Rejects like the events when they cannot even begin: there is still an answer to give then.
 */
export async function testEventStream(
  events: AsyncGenerator<ConnectionTestEvent, void, void>,
  signal: AbortSignal,
): Promise<Readable> {
  const first = await events.next();
  // A stream that was never read does not end its source by itself.
  signal.addEventListener('abort', () => void events.return().catch(() => undefined), { once: true });
  return Readable.from(frames(first, events), { objectMode: false });
}

async function* frames(
  first: IteratorResult<ConnectionTestEvent, void>,
  rest: AsyncGenerator<ConnectionTestEvent, void, void>,
): AsyncGenerator<Buffer> {
  try {
    for (let next = first; !next.done; next = await rest.next()) {
      yield Buffer.from(`event: ${next.value.type}\ndata: ${JSON.stringify(dataOf(next.value))}\n\n`);
    }
  } finally {
    await rest.return();
  }
}

function dataOf(event: ConnectionTestEvent): object {
  switch (event.type) {
    case 'check.started':
      return { id: event.id, title: event.title };
    case 'check.finished':
      return checkJson(event.check);
    case 'result':
      return testJson(event.result);
  }
}

function checkJson({ id, title, status, latencyMs, code, detail, repair, observed }: CheckResult): CheckDto {
  return {
    id,
    title,
    status,
    latency_ms: latencyMs,
    ...(code !== undefined && { code }),
    ...(detail !== undefined && { detail }),
    ...(repair !== undefined && { repair }),
    ...(observed !== undefined && { observed }),
  };
}
