import { LRUCache } from 'lru-cache';
import { PooledStorage } from './pooled-storage.js';
import type { ObjectStorage } from './storage-provider.js';

/** Opened storages of one process; more are opened at the price of the least recently used. */
const MAX_OPEN = 500;

interface Lent {
  readonly revision: string;
  readonly storage: PooledStorage;
}

/**
 * Keeps storages open between requests, one for each configuration, so that their connections stay warm. What falls
 * out (by age or by a new revision) is closed as soon as nothing runs on it.
 */
export class StorageConnections {
  private readonly lent: LRUCache<string, Lent>;

  constructor(maxOpen: number = MAX_OPEN) {
    this.lent = new LRUCache<string, Lent>({ max: maxOpen, dispose: ({ storage }) => storage.retire() });
  }

  /**
   * The storage of a configuration; `open` is called when there is none or only one of another revision.
   * Never close what it returns.
   * @param configuration names it in this process
   * @param revision changes with everything that `open` depends on
   */
  storageOf(configuration: string, revision: string, open: () => ObjectStorage): ObjectStorage {
    const known = this.lent.get(configuration);
    if (known?.revision === revision) return known.storage;
    const storage = new PooledStorage(open);
    this.lent.set(configuration, { revision, storage });
    return storage;
  }

  forget(configuration: string): void {
    this.lent.delete(configuration);
  }

  closeAll(): void {
    this.lent.clear();
  }
}
