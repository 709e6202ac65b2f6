import { createDialer } from '../../src/storage-providers/dialer.js';
import type { ConnectContext } from '../../src/storage-providers/storage-provider.js';

/** What an operator would let a provider use who trusts this one endpoint; names below `localhost` lead home. */
export function contextFor(endpoint: string | undefined, more: Partial<ConnectContext> = {}): ConnectContext {
  const url = endpoint === undefined ? undefined : new URL(endpoint);
  const bucketHosts =
    url?.hostname === 'localhost' ? [`stowage-test.${url.host}`, `stowage-missing.${url.host}`] : [];
  const hosts = url ? [url.host, ...bucketHosts] : [];
  return {
    dialer: createDialer({
      allowedPrivateEndpoints: hosts,
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    }),
    localDiskRoot: '/nonexistent',
    timeouts: { connectMs: 2_000, responseMs: 10_000, idleBodyMs: 5_000 },
    ...more,
  };
}
