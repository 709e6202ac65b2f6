import { Agent, request, type Dispatcher } from 'undici';
import { classify } from '../classify.js';
import type { ConnectContext, ProviderName } from '../storage-provider.js';
import type { SendPreflight, SendSigned } from './probe.js';

type SenderContext = Pick<ConnectContext, 'dialer' | 'timeouts'>;

/** Plain HTTP through the guarded dialer: what a browser or agent does with a signed URL. */
export function httpSender(provider: ProviderName, context: SenderContext): SendSigned {
  return async ({ url, headers }, body, signal) =>
    (await ask(provider, context, url, { method: 'PUT', headers, body, signal })).statusCode;
}

/** The question that a browser asks before it sends a file somewhere else than to its page's own origin. */
export function httpPreflight(provider: ProviderName, context: SenderContext): SendPreflight {
  return async (url, { origin, headers: names }, signal) => {
    const headers = {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': names.join(','),
    };
    const answer = await ask(provider, context, url, { method: 'OPTIONS', headers, signal });
    const flat = Object.entries(answer.headers).map(([name, value]) => [name, value?.toString()] as const);
    return { status: answer.statusCode, headers: Object.fromEntries(flat) };
  };
}

/** @throws StorageError when there was no answer */
async function ask(
  provider: ProviderName,
  { dialer, timeouts }: SenderContext,
  url: string,
  options: Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body' | 'signal'>,
): Promise<Dispatcher.ResponseData> {
  const target = new URL(url);
  dialer.assertAllowed(target);
  const agent = new Agent({
    connect: { timeout: timeouts.connectMs, lookup: dialer.lookup },
    headersTimeout: timeouts.responseMs,
    bodyTimeout: timeouts.idleBodyMs,
  });
  try {
    const answer = await request(target, { ...options, dispatcher: agent });
    answer.body.on('error', () => undefined).destroy();
    return answer;
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException;
    throw classify({ provider, operation: 'put', errno: code ?? name, message, cause: error });
  } finally {
    await agent.destroy();
  }
}
