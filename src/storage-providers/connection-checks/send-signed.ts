import { Agent, request } from 'undici';
import { classify } from '../classify.js';
import type { ConnectContext, ProviderName } from '../storage-provider.js';
import type { SendSigned } from './probe.js';

/** Plain HTTP through the guarded dialer: what a browser or agent does with a signed URL. */
export function httpSender(
  provider: ProviderName,
  { dialer, timeouts }: Pick<ConnectContext, 'dialer' | 'timeouts'>,
): SendSigned {
  return async ({ url, headers }, body, signal) => {
    const target = new URL(url);
    dialer.assertAllowed(target);
    const agent = new Agent({
      connect: { timeout: timeouts.connectMs, lookup: dialer.lookup },
      headersTimeout: timeouts.responseMs,
      bodyTimeout: timeouts.idleBodyMs,
    });
    try {
      const answer = await request(target, { method: 'PUT', headers, body, dispatcher: agent, signal });
      answer.body.on('error', () => undefined).destroy();
      return answer.statusCode;
    } catch (error) {
      const { code, name, message } = error as NodeJS.ErrnoException;
      throw classify({ provider, operation: 'put', errno: code ?? name, message, cause: error });
    } finally {
      await agent.destroy();
    }
  };
}
