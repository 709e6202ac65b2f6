/** How a directory that is known from the last snapshot is visited. */
export interface Visit {
  /** Listed, and everything in it looked at. Otherwise only the subdirectories that are visited are looked at. */
  readonly list: boolean;
  /** And everything below. */
  readonly all: boolean;
  /** Subdirectories to visit, by name, one character a byte. The others are as they were. */
  readonly children: ReadonlyMap<string, Visit>;
}

/** Paths relative to the workspace's root, one character a byte; empty for the root. */
export interface ChangedPaths {
  /** Directories in which something changed. */
  readonly directories: ReadonlySet<string>;
  /** Directories that may be others than before, with all that lies below. */
  readonly subtrees: ReadonlySet<string>;
}

export const VISIT_ALL: Visit = { list: true, all: true, children: new Map() };

/** What must be visited after these changes; `undefined` when nothing changed. */
export function planVisits({ directories, subtrees }: ChangedPaths): Visit | undefined {
  if (directories.size === 0 && subtrees.size === 0) return undefined;
  const root: Draft = { list: false, all: false, children: new Map() };
  for (const path of directories) draftAt(root, path).list = true;
  for (const path of subtrees) Object.assign(draftAt(root, path), { list: true, all: true });
  return root;
}

interface Draft {
  list: boolean;
  all: boolean;
  readonly children: Map<string, Draft>;
}

function draftAt(root: Draft, path: string): Draft {
  let draft = root;
  for (const name of path === '' ? [] : path.split('/')) {
    let child = draft.children.get(name);
    if (child === undefined)
      draft.children.set(name, (child = { list: false, all: false, children: new Map() }));
    draft = child;
  }
  return draft;
}
