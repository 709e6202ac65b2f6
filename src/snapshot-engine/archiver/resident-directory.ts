import type { EntryCounts } from './turn.js';

/** What a subtree holds. */
export interface SubtreeTotals {
  readonly files: number;
  readonly directories: number;
  readonly sizeBytes: number;
}

/**
 * A directory of the last snapshot, kept in memory: its tree, compressed, and those of its subdirectories. Never
 * changed: the next snapshot shares what did not change.
 */
export interface ResidentDirectory {
  /** Id of the tree blob. */
  readonly tree: string;
  readonly compressed: Uint8Array;
  /** By name, one character a byte. */
  readonly children: ReadonlyMap<string, ResidentDirectory>;
  readonly ignoreFile: Buffer | undefined;
  /** With all that lies below. */
  readonly totals: SubtreeTotals;
}

/** Leaves are the most of all directories: they share this one. */
const NO_CHILDREN: ReadonlyMap<string, ResidentDirectory> = new Map();

export function residentDirectory(
  tree: string,
  compressed: Uint8Array,
  children: ReadonlyMap<string, ResidentDirectory>,
  ignoreFile: Uint8Array | undefined,
  { files, sizeBytes }: Pick<EntryCounts, 'files' | 'sizeBytes'>,
): ResidentDirectory {
  const totals = { files, sizeBytes, directories: 1 };
  for (const child of children.values()) {
    totals.files += child.totals.files;
    totals.sizeBytes += child.totals.sizeBytes;
    totals.directories += child.totals.directories;
  }
  return {
    tree,
    // A view would keep alive all that came over with it.
    compressed: compressed.slice(),
    children: children.size === 0 ? NO_CHILDREN : children,
    ignoreFile: ignoreFile && Buffer.from(ignoreFile),
    totals,
  };
}
