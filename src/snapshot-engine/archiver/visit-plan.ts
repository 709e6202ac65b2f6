import { CACHE_TAG_FILE, IGNORE_FILE } from './archive-policy.js';
import type { ChangedEntries, EntryNames } from './changed-entries.js';

/** How a directory that is known from the last snapshot is visited. */
export interface Visit {
  /** Listed, and everything in it looked at. Otherwise only `names` are looked at. */
  readonly list: boolean;
  /** And everything below. */
  readonly all: boolean;
  /** Entries to look at, one character a byte; those in `children` among them. The others are as they were. */
  readonly names: ReadonlySet<string>;
  /** Subdirectories to visit, by name. The others are as they were. */
  readonly children: ReadonlyMap<string, Visit>;
}

/** Paths relative to the workspace's root, one character a byte; empty for the root. */
export interface ChangedPaths {
  /** Entries that are or may be others than before, by the directory in which they lie. */
  readonly entries: ChangedEntries;
  /** Directories that may be others than before, with all that lies below. */
  readonly subtrees: ReadonlySet<string>;
}

export const VISIT_ALL: Visit = { list: true, all: true, names: new Set(), children: new Map() };
/** Listed; what lies below is as it was. */
export const VISIT_LISTED: Visit = { list: true, all: false, names: new Set(), children: new Map() };

/** Whether an entry of this name decides over the others of its directory. */
export function isDecisive(name: string): boolean {
  return name === IGNORE_FILE || name === CACHE_TAG_FILE;
}

/** What must be visited after these changes; `undefined` when nothing changed. */
export function planVisits({ entries, subtrees }: ChangedPaths): Visit | undefined {
  if (entries.size === 0 && subtrees.size === 0) return undefined;
  const root = newDraft();
  for (const [path, names] of entries) addNames(draftAt(root, path), names);
  for (const path of subtrees) Object.assign(draftAt(root, path), { list: true, all: true });
  return root;
}

interface Draft {
  list: boolean;
  all: boolean;
  readonly names: Set<string>;
  readonly children: Map<string, Draft>;
}

function newDraft(): Draft {
  return { list: false, all: false, names: new Set(), children: new Map() };
}

function addNames(draft: Draft, names: EntryNames): void {
  if (names === 'all') draft.list = true;
  else {
    for (const name of names) {
      draft.names.add(name);
      draft.list ||= isDecisive(name);
    }
  }
}

function draftAt(root: Draft, path: string): Draft {
  let draft = root;
  for (const name of path === '' ? [] : path.split('/')) {
    let child = draft.children.get(name);
    if (child === undefined) {
      child = newDraft();
      draft.names.add(name);
      draft.children.set(name, child);
    }
    draft = child;
  }
  return draft;
}
