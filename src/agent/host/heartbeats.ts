import { setTimeout as sleep } from 'node:timers/promises';
import type { Heartbeat, HeartbeatAnswer } from '../../agent-protocol/messages.js';
import { AGENT_PATHS, HEARTBEAT_SECONDS } from '../../agent-protocol/protocol.js';
import { codeOf, ServerRefusal } from '../agent-error.js';
import { retryDelayMs } from '../server-connection/retry-delay.js';
import type { ServerConnection } from '../server-connection/server-connection.js';
import type { Restores } from '../restores/restores.js';
import type { Workspaces } from '../workspaces/workspaces.js';
import type { AgentLog } from './agent-log.js';

export interface HeartbeatsOptions {
  readonly server: ServerConnection;
  readonly log: AgentLog;
  readonly workspaces: Pick<Workspaces, 'reports' | 'holds' | 'renewed'>;
  readonly restores: Pick<Restores, 'take'>;
  readonly onRevision: (revision: string) => void;
}

/** News is told at once, but no more often. */
const MIN_GAP_MS = 1_000;
/** Leases end after 90 s: two heartbeats may fail. */
const DEADLINE_MS = 15_000;
const SPREAD = { baseMs: 1_000, maxMs: 10_000 };

/** Says that this host lives, what it has done, and which leases it still needs. */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  #nudged = Promise.withResolvers<void>();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** Something should be told soon. */
  nudge(): void {
    this.#nudged.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.beat(signal);
        failures = 0;
        await this.#rest(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.debug('heartbeat_failed', { code: codeOf(error) });
        await pause(retryDelayMs(failures, SPREAD, Math.random), signal);
        failures += 1;
      }
    }
  }

  /** One heartbeat; what it told is not told again when it was answered. */
  async beat(signal?: AbortSignal): Promise<void> {
    const { server, workspaces, restores, onRevision } = this.#options;
    this.#nudged = Promise.withResolvers<void>();
    const runs = workspaces.reports.take(performance.now());
    const restored = restores.take();
    const leases = workspaces.holds;
    const message: Heartbeat = { runs: runs.reports, restores: restored.reports, leases };
    const options = { signal, deadlineMs: DEADLINE_MS };
    const settle = () => {
      runs.settle();
      restored.settle();
    };
    const answer = await server
      .ask<HeartbeatAnswer>(AGENT_PATHS.heartbeat, message, options)
      .catch((error: unknown) => this.#refused(error, settle));
    settle();
    workspaces.renewed(leases, answer.leases);
    onRevision(answer.revision);
  }

  /** Reports that a server cannot read must not cost the leases that are told with them. */
  #refused(error: unknown, settle: () => void): never {
    if (error instanceof ServerRefusal && error.status === 400) {
      this.#options.log.error('reports_refused', { code: error.code, detail: error.message });
      settle();
    }
    throw error;
  }

  async #rest(signal: AbortSignal): Promise<void> {
    await pause(MIN_GAP_MS, signal);
    const { promise } = this.#nudged;
    const rested = new AbortController();
    const either = AbortSignal.any([signal, rested.signal]);
    await Promise.race([promise, pause(HEARTBEAT_SECONDS * 1_000 - MIN_GAP_MS, either)]);
    rested.abort();
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
