import { once } from 'node:events';
import { type Agent, type OutgoingHttpHeaders, request as httpRequest } from 'node:http';
import type { Readable } from 'node:stream';

/** One GET that is never repeated by itself: the status, or the code of what broke it (`ECONNREFUSED`). */
export async function getOnce(agent: Agent, url: string, headers: OutgoingHttpHeaders = {}): Promise<string> {
  const request = httpRequest(url, { agent, headers }).end();
  try {
    const [response] = (await once(request, 'response')) as [Readable & { statusCode: number }];
    response.resume();
    await once(response, 'end');
    return String(response.statusCode);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
