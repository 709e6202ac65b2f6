import { LRUCache } from 'lru-cache';

export interface RevalidatedCacheOptions<K, V> {
  readonly maxEntries: number;
  /** A value is handed out without a question this long after it was last known to be current. */
  readonly freshMs: number;
  readonly now: () => number;
  /** Cheap: what identifies the current state of `key`. */
  readonly stampOf: (key: K) => Promise<string>;
  /** Dear: the value in that state. */
  readonly load: (key: K) => Promise<V>;
}

interface Entry<V> {
  readonly value: Promise<V>;
  readonly stamp: string;
  checkedMs: number;
}

/**
 * Remembers values that other processes may change. A value is at most `freshMs` old when it is handed out; asking
 * whether it is still current and loading it happen once, however many wait. Nothing stale is ever handed out
 * because the question failed, and no failure is remembered.
 */
export class RevalidatedCache<K extends string | number, V> {
  private readonly entries: LRUCache<K, Entry<V>>;
  private readonly underWay = new Map<K, Promise<V>>();

  constructor(private readonly options: RevalidatedCacheOptions<K, V>) {
    this.entries = new LRUCache<K, Entry<V>>({ max: options.maxEntries });
  }

  get(key: K): Promise<V> {
    const entry = this.entries.get(key);
    if (entry !== undefined && this.options.now() - entry.checkedMs < this.options.freshMs)
      return entry.value;
    return this.underWay.get(key) ?? this.refresh(key, entry);
  }

  /** What is being loaded at this moment is not remembered either: it may be of before the change. */
  forget(key: K): void {
    this.entries.delete(key);
    this.underWay.delete(key);
  }

  clear(): void {
    this.entries.clear();
    this.underWay.clear();
  }

  /** Of what is remembered or being loaded. */
  keys(): K[] {
    return [...new Set([...this.entries.keys(), ...this.underWay.keys()])];
  }

  private refresh(key: K, entry: Entry<V> | undefined): Promise<V> {
    const work = this.current(key, entry, () => this.underWay.get(key) === work);
    this.underWay.set(key, work);
    const done = (): void => {
      if (this.underWay.get(key) === work) this.underWay.delete(key);
    };
    work.then(done, done);
    return work;
  }

  private async current(key: K, entry: Entry<V> | undefined, isWanted: () => boolean): Promise<V> {
    const checkedMs = this.options.now();
    const stamp = await this.options.stampOf(key);
    if (entry?.stamp === stamp) {
      entry.checkedMs = checkedMs;
      return entry.value;
    }
    const value = await this.options.load(key);
    if (isWanted()) this.entries.set(key, { value: Promise.resolve(value), stamp, checkedMs });
    return value;
  }
}
