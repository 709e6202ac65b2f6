import type { RulesHere } from './ignore-rules.js';
import type { ResidentDirectory } from './resident-directory.js';
import type { DirectoryOrder, DirectoryOutcome, FileOutcome, FinishedTree } from './turn.js';
import type { Visit } from './visit-plan.js';

/** What a directory was in the previous snapshot: kept in memory, or only known by its tree's id. */
export interface PreviousDirectory {
  readonly tree: string;
  readonly resident?: ResidentDirectory;
}

/** What is known about a directory before it is looked at. */
export interface DirectoryStart {
  /** Relative to the workspace's root. */
  readonly path: Buffer;
  readonly parent: DirectoryRecord | undefined;
  /** Which of the parent's children it is. */
  readonly index: number;
  readonly visit: Visit;
  readonly previous: PreviousDirectory | undefined;
  readonly rules: readonly RulesHere[];
  /** Its files must be read whatever they look like: something of them is gone from the repository. */
  readonly readAll: boolean;
}

/** One directory of a run, seen from the main thread: from the decision to visit it to its tree. */
export class DirectoryRecord {
  readonly id: number;
  readonly start: DirectoryStart;
  /** The previous tree, when it is not in memory. */
  loaded: Uint8Array | undefined;
  /** The worker that has it open. */
  lane = 0;
  outcome: DirectoryOutcome | undefined;
  readonly subtrees: (string | undefined)[] = [];
  readonly files: FileOutcome[] = [];
  /** Subdirectories as the next run will find them. */
  residents = new Map<string, ResidentDirectory>();
  ignoreFile: Uint8Array | undefined;
  racy = false;
  /** Subdirectories and large files that are not finished. */
  missing = 0;
  finished: FinishedTree | undefined;
  resident: ResidentDirectory | undefined;

  constructor(id: number, start: DirectoryStart) {
    this.id = id;
    this.start = start;
  }

  /** Nothing has to be waited for: the worker makes the tree without being told. */
  get isLeaf(): boolean {
    return this.outcome!.children.length === 0 && this.outcome!.largeFiles.length === 0;
  }

  order(trustedBeforeNs: bigint): DirectoryOrder {
    const { path, visit, previous, rules, readAll } = this.start;
    const bytes = previous?.resident?.compressed ?? this.loaded;
    const compressed = previous?.resident !== undefined;
    const refresh = !visit.list && !readAll && compressed;
    return {
      id: this.id,
      path,
      rules,
      ...(bytes && { previous: { bytes, compressed, trustedBeforeNs: readAll ? 0n : trustedBeforeNs } }),
      ...(refresh && { only: Array.from(visit.children.keys(), (name) => Buffer.from(name, 'latin1')) }),
    };
  }
}
