import type { TakenChanges, UnknownReason } from './change-watcher.js';
import { ChangedEntries } from './changed-entries.js';
import type { ChangedPaths } from './visit-plan.js';

/** What is known to have changed and is in no snapshot yet. Survives runs that fail. */
export class PendingChanges implements ChangedPaths {
  readonly entries = new ChangedEntries();
  readonly subtrees = new Set<string>();
  /** Set when nobody knows what has changed. */
  unknown: UnknownReason | undefined;

  add(changes: TakenChanges): void {
    if (!changes.known) {
      this.unknown = changes.reason;
      return;
    }
    this.entries.addAll(changes.entries);
    for (const path of changes.subtrees) this.subtrees.add(path);
  }

  /** Whether a change in this directory was told, or one of the directory itself. */
  explains(directory: string): boolean {
    if (this.entries.has(directory) || this.subtrees.has(directory)) return true;
    const slash = directory.lastIndexOf('/');
    const siblings = this.entries.get(directory.slice(0, Math.max(0, slash)));
    if (siblings === 'all' || siblings?.has(directory.slice(slash + 1))) return true;
    for (let end = slash; end > 0; end = directory.lastIndexOf('/', end - 1)) {
      if (this.subtrees.has(directory.slice(0, end))) return true;
    }
    return false;
  }

  /** Everything is in a snapshot, but what is to be looked at again. */
  settle(again: ChangedEntries): void {
    this.entries.clear();
    this.subtrees.clear();
    this.unknown = undefined;
    this.entries.addAll(again);
  }
}
