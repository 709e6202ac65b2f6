import type { FileTotals } from './turn.js';

/** What a subtree holds. */
export interface SubtreeTotals extends FileTotals {
  readonly directories: number;
}

/**
 * A directory of the last snapshot, kept in memory: its tree, compressed, and those of its subdirectories. Never
 * changed: the next snapshot shares what did not change.
 */
export interface ResidentDirectory {
  /** Id of the tree blob. */
  readonly tree: string;
  readonly compressed: Uint8Array;
  /** Length of the tree. */
  readonly uncompressedBytes: number;
  /** By name, one character a byte. */
  readonly children: ReadonlyMap<string, ResidentDirectory>;
  readonly ignoreFile: Buffer | undefined;
  /** Entries that a problem kept out of the tree. */
  readonly unread: readonly string[];
  /** What stands in the tree itself. */
  readonly content: FileTotals;
  /** With all that lies below. */
  readonly totals: SubtreeTotals;
}

/** Leaves are the most of all directories: they share these. */
const NO_CHILDREN: ReadonlyMap<string, ResidentDirectory> = new Map();
const NO_NAMES: readonly string[] = [];

export function residentDirectory({
  tree,
  compressed,
  uncompressedBytes,
  children,
  ignoreFile,
  unread,
  content: { files, sizeBytes },
}: Omit<ResidentDirectory, 'ignoreFile' | 'totals'> & {
  readonly ignoreFile: Uint8Array | undefined;
}): ResidentDirectory {
  const totals = { files, sizeBytes, directories: 1 };
  for (const child of children.values()) {
    totals.files += child.totals.files;
    totals.sizeBytes += child.totals.sizeBytes;
    totals.directories += child.totals.directories;
  }
  return {
    tree,
    compressed,
    uncompressedBytes,
    children: children.size === 0 ? NO_CHILDREN : children,
    ignoreFile: ignoreFile && Buffer.from(ignoreFile),
    unread: unread.length === 0 ? NO_NAMES : unread,
    content: { files, sizeBytes },
    totals,
  };
}
