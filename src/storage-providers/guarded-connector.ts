import { buildConnector } from 'undici';
import type { Dialer } from './storage-provider.js';

/**
 * Connections of undici under the operator's dialling policy.
 * Looks at the peer once more after connecting: an address given as a literal never passes `lookup`.
 * @param connectMs deadline of a connection, TLS included
 */
export function guardedConnector(dialer: Dialer, connectMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: connectMs, lookup: dialer.lookup });
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error !== null) return callback(error, null);
      try {
        dialer.assertPeer?.(options.hostname, socket.remoteAddress);
      } catch (refusal) {
        socket.destroy();
        return callback(refusal as Error, null);
      }
      callback(null, socket);
    });
}
