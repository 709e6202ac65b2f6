import type { Cost } from '../meter.ts';

export const CASES = ['first', 'unchanged', 'few', 'restore', 'check'] as const;
export type Case = (typeof CASES)[number];

/** A program that stores a tree in a repository of its own. */
export interface Peer {
  readonly name: string;
  /** Makes an empty repository in `repository`. */
  create(): Promise<void>;
  /** A snapshot of the tree: of everything, or of what changed since the one before. */
  snapshot(): Promise<Cost>;
  /** Restores the latest snapshot into an empty folder. */
  restore(target: string): Promise<Cost>;
  /** Reads and verifies every byte of the repository. */
  check(): Promise<Cost>;
  close(): Promise<void>;
}

export interface PeerFolders {
  readonly tree: string;
  readonly repository: string;
}
