import { Injectable, type OnModuleInit } from '@nestjs/common';
import { StopSignal } from '../../config/stop-signal.js';
import { MISSED, Notifications } from '../../database/notifications.service.js';
import { WISHES_CHANNEL } from '../agent-nudges.service.js';

/** Waits of one agent at the same time; of one more the oldest ends. */
const MAX_WAITS = 4;

/** Somebody who waits until something else may be wanted of an agent. */
export interface Wait {
  /**
   * Resolves at a nudge since the wait began, when time is up, or when it is aborted; with `superseded` when the agent
   * began more waits than it may have. It never rejects.
   */
  readonly over: Promise<'over' | 'superseded'>;
  end(): void;
}

type Waker = (how: 'over' | 'superseded') => void;

/** Hears of nudges, one LISTEN for all agents of this process, and wakes those who wait for them. */
@Injectable()
export class AgentWishes implements OnModuleInit {
  readonly #waits = new Map<string, Set<Waker>>();

  constructor(
    private readonly notifications: Notifications,
    private readonly stopping: StopSignal,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.notifications.listen(WISHES_CHANNEL, (agentId) => this.wake(agentId));
    this.stopping.signal.addEventListener('abort', () => this.wake(MISSED), { once: true });
  }

  /** Begins at once: whoever looks what is wanted afterwards misses nothing. */
  begin(agentId: string, timeoutMs: number, signal: AbortSignal): Wait {
    const { promise: over, resolve } = Promise.withResolvers<'over' | 'superseded'>();
    const end = (): void => resolve('over');
    const waits = this.#waits.get(agentId) ?? new Set();
    this.#waits.set(agentId, waits.add(resolve));
    if (waits.size > MAX_WAITS) waits.values().next().value?.('superseded');
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted || this.stopping.signal.aborted) end();
    void over.then(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      waits.delete(resolve);
      if (waits.size === 0 && this.#waits.get(agentId) === waits) this.#waits.delete(agentId);
    });
    return { over, end };
  }

  private wake(agentId: string): void {
    const woken = agentId === MISSED ? [...this.#waits.values()] : [this.#waits.get(agentId) ?? []];
    for (const waits of woken) for (const resolve of [...waits]) resolve('over');
  }
}
