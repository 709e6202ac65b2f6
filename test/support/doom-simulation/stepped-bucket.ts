import { StorageError } from '../../../src/storage-providers/storage-errors.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { overlaid } from '../../integration/repositories/overlaid-storage.js';
import type { Chance } from '../prune-simulation/chance.js';
import { ScriptedStorage } from '../scripted-storage.js';
import type { Turns } from './turns.js';

/** A bucket in memory whose every call is a turn, and where writing snapshots fails now and then. */
export function steppedBucket(turns: Turns, chance: Chance): ObjectStorage {
  const bucket = new ScriptedStorage();
  return overlaid(bucket, {
    // So that a commit asks the bucket before it is decided, which gives others their turn.
    capabilities: { createOnly: true, contentBound: 'none' },
    head: async (key) => {
      await turns.next();
      return bucket.head(key);
    },
    put: async (key, body, options) => {
      await turns.next();
      const isSnapshot = key.includes('/snapshots/');
      if (isSnapshot && chance.happens(0.1)) throw away();
      const stored = await bucket.put(key, body, options);
      if (isSnapshot && chance.happens(0.1)) throw away();
      return stored;
    },
    delete: async (key) => {
      await turns.next();
      await bucket.delete(key);
    },
  });
}

function away(): StorageError {
  return new StorageError('provider_error', 'The answer was lost.', {
    operation: 'put',
    hint: '',
    retryable: false,
  });
}
