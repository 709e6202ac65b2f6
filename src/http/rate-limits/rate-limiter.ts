import { LRUCache } from 'lru-cache';

export type LimitKind = 'key' | 'address';

export interface Verdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the window ends and counting starts anew. */
  readonly resetSeconds: number;
}

/** Requests of one subject in one window. */
export interface WindowCount {
  readonly subject: string;
  readonly windowStartMs: number;
  readonly requests: number;
}

interface Window {
  startMs: number;
  /** Counted by all replicas when they were last asked. */
  shared: number;
  /** Ours, being told to the others. */
  sending: number;
  /** Ours, not told yet. */
  unsent: number;
}

export const WINDOW_MS = 60_000;
/** Beyond this many, the subject that was quiet for longest is forgotten and starts at zero. */
const MAX_SUBJECTS = 50_000;

/**
 * Counts requests in windows that begin at each full minute. The answer comes from memory alone; `takeUnsent` and
 * `applyTotals` carry the counts between replicas (see rate-limit-sync.service.ts).
 *
 * Guarantee: one process lets at most `limit` requests of a subject through in a window, as long as fewer than
 * 50,000 other subjects are active. All replicas together let through at most `limit` plus what the others admitted
 * since the last exchange, about a second before; without the database each counts alone. Refused requests are not
 * counted.
 */
export class RateLimiter {
  readonly #windows = new LRUCache<string, Window>({ max: MAX_SUBJECTS });
  readonly #changed = new Set<string>();

  constructor(
    private readonly limits: Readonly<Record<LimitKind, number>>,
    private readonly now: () => number,
    private readonly onRefusal: (kind: LimitKind) => void = () => undefined,
  ) {}

  /** Counts one request, unless the limit is reached. */
  count(subject: string, kind: LimitKind): Verdict {
    const nowMs = this.now();
    const limit = this.limits[kind];
    const window = this.windowOf(subject, nowMs);
    const used = window.shared + window.sending + window.unsent;
    const allowed = used < limit;
    if (allowed) {
      window.unsent += 1;
      this.#changed.add(subject);
    } else {
      this.onRefusal(kind);
    }
    return {
      allowed,
      limit,
      remaining: Math.max(0, limit - used - (allowed ? 1 : 0)),
      resetSeconds: Math.ceil((window.startMs + WINDOW_MS - nowMs) / 1_000),
    };
  }

  /** What the other replicas do not know yet; it stays counted here until `applyTotals` or `putBack`. */
  takeUnsent(): WindowCount[] {
    const counts: WindowCount[] = [];
    for (const subject of this.#changed) {
      const window = this.#windows.peek(subject);
      if (!window || window.unsent === 0) continue;
      counts.push({ subject, windowStartMs: window.startMs, requests: window.unsent });
      window.sending += window.unsent;
      window.unsent = 0;
    }
    this.#changed.clear();
    return counts;
  }

  /** Totals over all replicas, ours included. */
  applyTotals(totals: readonly WindowCount[]): void {
    for (const { subject, windowStartMs, requests } of totals) {
      const window = this.#windows.peek(subject);
      if (window?.startMs !== windowStartMs) continue;
      window.shared = requests;
      window.sending = 0;
    }
  }

  /** The exchange failed: the counts go with the next one. */
  putBack(counts: readonly WindowCount[]): void {
    for (const { subject, windowStartMs } of counts) {
      const window = this.#windows.peek(subject);
      if (window?.startMs !== windowStartMs) continue;
      window.unsent += window.sending;
      window.sending = 0;
      this.#changed.add(subject);
    }
  }

  private windowOf(subject: string, nowMs: number): Window {
    const startMs = nowMs - (nowMs % WINDOW_MS);
    const known = this.#windows.get(subject);
    if (known?.startMs === startMs) return known;
    const window: Window = { startMs, shared: 0, sending: 0, unsent: 0 };
    this.#windows.set(subject, window);
    return window;
  }
}
