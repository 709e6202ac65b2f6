import type { Workers } from '../snapshot-engine/index.js';
import type { AgentLog } from './host/agent-log.js';
import type { ObjectTransfers } from './brokered-files/object-transfers.js';
import type { ServerConnection } from './server-connection/server-connection.js';

/** What runs and restores of one agent share. */
export interface HostServices {
  readonly server: ServerConnection;
  readonly transfers: ObjectTransfers;
  readonly workers: Workers;
  readonly log: AgentLog;
  readonly dataDir: string;
  readonly hostname: string;
  readonly username: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
