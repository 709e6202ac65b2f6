import type { TakenChanges, UnknownReason } from './change-watcher.js';
import type { ChangedPaths } from './visit-plan.js';

/** What is known to have changed and is in no snapshot yet. Survives runs that fail. */
export class PendingChanges implements ChangedPaths {
  readonly directories = new Set<string>();
  readonly subtrees = new Set<string>();
  /** Set when nobody knows what has changed. */
  unknown: UnknownReason | undefined;

  add(changes: TakenChanges): void {
    if (!changes.known) {
      this.unknown = changes.reason;
      return;
    }
    for (const path of changes.directories) this.directories.add(path);
    for (const path of changes.subtrees) this.subtrees.add(path);
  }

  /** Whether a change in this directory was told. */
  explains(directory: string): boolean {
    if (this.directories.has(directory) || this.subtrees.has(directory)) return true;
    for (let end = directory.lastIndexOf('/'); end > 0; end = directory.lastIndexOf('/', end - 1)) {
      if (this.subtrees.has(directory.slice(0, end))) return true;
    }
    return false;
  }

  /** Everything is in a snapshot, but what is to be looked at again. */
  settle(again: Iterable<string>): void {
    this.directories.clear();
    this.subtrees.clear();
    this.unknown = undefined;
    for (const path of again) this.directories.add(path);
  }
}
