import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredState, SyncRequest } from '../../agent-protocol/messages.js';
import { AGENT_PATHS, MAX_SYNC_WAIT_SECONDS } from '../../agent-protocol/protocol.js';
import { codeOf, sentenceOf } from '../agent-error.js';
import { retryDelayMs } from '../server-connection/retry-delay.js';
import type { ServerConnection } from '../server-connection/server-connection.js';
import type { AgentLog } from './agent-log.js';

export interface SyncLoopOptions {
  readonly server: ServerConnection;
  readonly log: AgentLog;
  readonly host: Pick<SyncRequest, 'hostname' | 'platform' | 'program_version'>;
  readonly apply: (state: DesiredState) => void;
}

/** Somebody removed this agent, or its key: waiting does not help, enrolling again does. */
const SHUT_OUT: ReadonlySet<string> = new Set(['agent_removed', 'unauthenticated', 'key_expired']);
const SPREAD = { baseMs: 1_000, maxMs: 30_000 };
/** Beyond what the server may wait. */
const ANSWER_MS = 15_000;
/** A server that answers the same state at once, again and again, is not asked more often. */
const MIN_ROUND_MS = 1_000;

/** Always asks what this host shall do; the server answers when something changes. */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  #revision: string | undefined;
  #hurry = new AbortController();

  constructor(options: SyncLoopOptions) {
    this.#options = options;
  }

  /** Of the state that was applied last. */
  get revision(): string | undefined {
    return this.#revision;
  }

  /** There is news: a pause after a failure ends. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Until the signal; rejects with one of SHUT_OUT when the server does not know this host any longer. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      const startedMs = performance.now();
      try {
        const isNew = await this.#sync(signal, failures > 0 ? 0 : MAX_SYNC_WAIT_SECONDS);
        if (failures > 0) this.#options.log.info('server_back');
        failures = 0;
        if (!isNew) await this.#pause(startedMs + MIN_ROUND_MS - performance.now(), signal);
      } catch (error) {
        if (signal.aborted) return;
        if (SHUT_OUT.has(codeOf(error) ?? '')) throw error;
        if (failures === 0)
          this.#options.log.warn('server_away', { code: codeOf(error), detail: sentenceOf(error) });
        const retryAfterMs = (error as { retryAfterMs?: number }).retryAfterMs;
        await this.#pause(retryDelayMs(failures, SPREAD, Math.random, retryAfterMs), signal);
        failures += 1;
      }
    }
  }

  async #sync(signal: AbortSignal, waitSeconds: number): Promise<boolean> {
    const { server, host, apply } = this.#options;
    const isFirst = this.#revision === undefined;
    const message: SyncRequest = {
      ...host,
      ...(!isFirst && { revision: this.#revision }),
      wait_seconds: isFirst ? 0 : waitSeconds,
    };
    const deadlineMs = message.wait_seconds * 1_000 + ANSWER_MS;
    const state = await server.ask<DesiredState>(AGENT_PATHS.sync, message, { signal, deadlineMs });
    const isNew = state.revision !== this.#revision;
    if (isNew) apply(state);
    this.#revision = state.revision;
    return isNew;
  }

  async #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (milliseconds <= 0) return;
    this.#hurry = new AbortController();
    const either = AbortSignal.any([signal, this.#hurry.signal]);
    await sleep(milliseconds, undefined, { signal: either }).catch(() => undefined);
  }
}
