import { MAX_NAMES_PER_DIRECTORY } from './changed-entries.js';
import type { RulesHere } from './ignore-rules.js';
import { residentDirectory, type ResidentDirectory } from './resident-directory.js';
import type {
  DirectoryOrder,
  DirectoryOutcome,
  FileOutcome,
  FileTotals,
  FinishedTree,
  PartialLook,
} from './turn.js';
import { isDecisive, type Visit } from './visit-plan.js';

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
  /** Names of large files that may have changed again, or could not be read. */
  readonly racyFiles: string[] = [];
  readonly unreadFiles: string[] = [];
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
    const { path, previous, rules, readAll } = this.start;
    const { resident } = previous ?? {};
    const bytes = resident?.compressed ?? this.loaded;
    const partial = this.#partialLook();
    return {
      id: this.id,
      path,
      rules,
      ...(bytes && {
        previous: {
          bytes,
          trustedBeforeNs: readAll ? 0n : trustedBeforeNs,
          ...(resident && { tree: resident.tree, uncompressedBytes: resident.uncompressedBytes }),
        },
      }),
      ...(partial && { partial }),
    };
  }

  /** What a next run needs to know of the directory, whose tree is finished. */
  keep({ tree, sizeBytes, compressed }: FinishedTree): void {
    const before = this.start.previous?.resident;
    // A view would keep alive all that came over with it.
    const kept = compressed?.slice() ?? (before?.tree === tree ? before.compressed : undefined);
    if (kept === undefined) return;
    this.resident = residentDirectory({
      tree,
      compressed: kept,
      uncompressedBytes: sizeBytes,
      children: this.residents,
      ignoreFile: this.outcome!.ignoreFile,
      unread: [...this.outcome!.noted.unread, ...this.unreadFiles],
      content: this.#content(),
    });
  }

  #partialLook(): PartialLook | undefined {
    const { visit, previous, readAll } = this.start;
    const resident = previous?.resident;
    if (resident === undefined || visit.list || readAll) return undefined;
    const { unread, ignoreFile, content } = resident;
    if (unread.length > MAX_NAMES_PER_DIRECTORY || unread.some(isDecisive)) return undefined;
    const names = Array.from(new Set([...visit.names, ...unread]));
    return { names, content, ...(ignoreFile && { ignoreFile }) };
  }

  /** The outcome counts large files as they were listed. */
  #content(): FileTotals {
    const { counts, largeFiles } = this.outcome!;
    let { files, sizeBytes } = counts;
    for (const [index, { status }] of this.files.entries()) {
      if (status === undefined) files -= 1;
      sizeBytes += (status?.sizeBytes ?? 0) - largeFiles[index]!.sizeBytes;
    }
    return { files, sizeBytes };
  }
}
