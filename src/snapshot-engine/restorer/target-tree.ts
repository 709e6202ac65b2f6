import type { NodeType } from '../snapshot/node.js';

/** What lies at a path of the target now. */
export interface TargetEntry {
  readonly type: NodeType;
  readonly permissions: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly links: number;
  /** Inode and device: the same for all names of one file. */
  readonly file: string;
  readonly device: bigint;
  /** On the same file system as the target itself. */
  readonly sameFileSystem: boolean;
  /** Of symbolic links: raw bytes as latin1. */
  readonly linkTarget?: string;
}

/** What lies in the target, as far as the restore is concerned. Paths are latin1, relative to the target. */
export interface TargetTree {
  readonly entries: ReadonlyMap<string, TargetEntry>;
  /** Files that an earlier, interrupted restore has left. */
  readonly temporary: ReadonlySet<string>;
}

export const EMPTY_TARGET: TargetTree = { entries: new Map(), temporary: new Set() };

/** Which blobs of a wanted file are already on this disk. */
export interface Reuse {
  /** `target`: in the file that lies at the path; `temporary`: in what an interrupted restore has left. */
  readonly from: 'target' | 'temporary';
  /** For each blob of the content 1 when it is there. */
  readonly present: Uint8Array;
}
