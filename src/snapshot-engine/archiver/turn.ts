import type { EntryStatus } from '../filesystem/entry-status.js';
import type { FinishedPack } from '../pack/pack-writer.js';
import type { ChunkerKind } from '../chunker/chunker.js';
import type { MasterKey } from '../crypto/master-key.js';
import type { ArchivePolicy } from './archive-policy.js';
import type { ProblemReason } from './archive-problem.js';
import type { RulesHere } from './ignore-rules.js';

/*
 * What the main thread and an archive worker say to each other. A worker has work of its own (directories and large
 * files that it has been given); a turn makes it do a piece of that work, which is bounded by the memory for plaintext.
 * Two turns of one worker are under way at any time, so that it never waits for an answer.
 */

/** What a worker needs to know for a run. */
export interface ArchiveSessionInit {
  /** Absolute, raw bytes. */
  readonly rootPath: Uint8Array;
  readonly masterKey: MasterKey;
  readonly chunkerKind: ChunkerKind;
  readonly chunkerPolynomial: bigint;
  readonly policy: ArchivePolicy;
  /** What has a later time stamp may change once more without a trace. */
  readonly settledBeforeNs: bigint;
  /** Answer finished trees too, compressed. */
  readonly keepTrees: boolean;
}

/** Main thread to worker. */
export interface ArchiveTurn {
  /** Answers to what earlier turns asked. */
  readonly verdicts: readonly Verdict[];
  /** Ignore files that this worker has not seen, before the orders that name them. */
  readonly ignoreFiles: readonly { readonly key: number; readonly text: Uint8Array }[];
  readonly directories: readonly DirectoryOrder[];
  readonly files: readonly FileOrder[];
  /** Directories of this worker whose subdirectories and large files are known now. */
  readonly completions: readonly DirectoryCompletion[];
  /** Directories of this worker that will not be completed. */
  readonly forgotten: readonly number[];
  /** Memory of packs that have been stored. */
  readonly spareBuffers: readonly ArrayBuffer[];
  /** The finished tree and the directories above it, innermost first, for a snapshot of absolute paths. */
  readonly enclose?: { readonly tree: string; readonly directories: readonly Uint8Array[] };
}

/** One byte for each blob of the batch: 1 when this worker must store it. */
export interface Verdict {
  readonly batch: number;
  readonly needed: Uint8Array;
}

export interface DirectoryOrder {
  readonly id: number;
  /** Relative to the workspace's root, raw bytes; empty for the root. */
  readonly path: Uint8Array;
  readonly previous?: PreviousTree;
  readonly partial?: PartialLook;
  /** The innermost first. */
  readonly rules: readonly RulesHere[];
}

/** Only some entries are looked at; all other nodes of the previous tree, which is one of ours, stay as they are. */
export interface PartialLook {
  /** One character a byte. */
  readonly names: readonly string[];
  /** As the directory was when it was listed last. */
  readonly ignoreFile?: Uint8Array;
  /** In the previous tree. */
  readonly content: FileTotals;
}

/** Files of one directory, without those below. */
export interface FileTotals {
  readonly files: number;
  readonly sizeBytes: number;
}

export interface PreviousTree {
  /** Id of a tree that is in memory: if it is the new one too, it need not be answered. */
  readonly tree?: string;
  readonly bytes: Uint8Array;
  /** Length of the tree when `bytes` is its zstd frame. */
  readonly uncompressedBytes?: number;
  /** Files that changed since then may have changed again without a trace, and are read. */
  readonly trustedBeforeNs: bigint;
}

export interface FileOrder {
  readonly id: number;
  /** Relative to the workspace's root. */
  readonly path: Uint8Array;
  readonly sizeBytes: number;
}

export interface DirectoryCompletion {
  readonly id: number;
  /** Tree ids, in the order in which the subdirectories were reported; `undefined` leaves the directory out. */
  readonly subtrees: readonly (string | undefined)[];
  /** In the order in which the large files were reported. */
  readonly files: readonly FileOutcome[];
}

/** Worker to main thread. */
export interface ArchiveTurnResult {
  readonly batch: number;
  /** Records of `ASKED_LENGTH` characters: `ASKED_DATA` or `ASKED_TREE`, and the id. One string clones fastest. */
  readonly asked: string;
  readonly packs: readonly FinishedPack[];
  readonly directories: readonly DirectoryOutcome[];
  readonly files: readonly FileOutcome[];
  readonly trees: readonly FinishedTree[];
  readonly problems: readonly FoundProblem[];
  /** Root of the enclosing directories, when the turn asked for it. */
  readonly enclosed?: string;
  readonly filesDone: number;
  readonly bytesDone: number;
  readonly currentFile?: Uint8Array;
  /** Orders that are not finished. */
  readonly openOrders: number;
}

export const ASKED_LENGTH = 65;
export const ASKED_DATA = 'd';
export const ASKED_TREE = 't';

export interface DirectoryOutcome {
  readonly id: number;
  /** The directory could not be listed; it has no tree. */
  readonly failed?: true;
  readonly children: readonly ChildDirectory[];
  readonly largeFiles: readonly LargeFile[];
  /** As `asked`: what unchanged files consist of. If one is gone, the directory must be read again. */
  readonly reused: string;
  /** The directory's own ignore file. */
  readonly ignoreFile?: Uint8Array;
  /** Only what the order's `partial` names was looked at. */
  readonly partial: boolean;
  readonly counts: EntryCounts;
  readonly noted: NotedEntries;
  /** A file has got a further hard link since the previous tree. */
  readonly newlyLinked: boolean;
}

/**
 * Names of entries that a later run must look at, one character a byte. Not more of each kind than
 * `MAX_NAMES_PER_DIRECTORY` and one.
 */
export interface NotedEntries {
  /** They may have changed again within the time stamps' resolution. */
  readonly racy: readonly string[];
  /** Files with further hard links, through which they can change. */
  readonly linked: readonly string[];
  /** Left out because of a problem, which exists as long as they do. */
  readonly unread: readonly string[];
}

export interface ChildDirectory {
  readonly name: Uint8Array;
  /** Tree of the directory of this name in the previous tree. */
  readonly previous?: string;
  /** Same inode as in the previous tree. */
  readonly same: boolean;
  /** Others may enter and list it than at the time of the previous tree. */
  readonly accessChanged: boolean;
}

export interface LargeFile {
  readonly name: Uint8Array;
  readonly sizeBytes: number;
}

export interface FileOutcome {
  readonly id: number;
  /** Left out: gone or unreadable. */
  readonly failed?: true;
  /** Ids of the data blobs. */
  readonly content: readonly string[];
  /** Of the open file. Its size is what was read, whatever the file system says. */
  readonly status?: EntryStatus;
  readonly racy: boolean;
}

export interface FinishedTree {
  readonly id: number;
  readonly tree: string;
  readonly sizeBytes: number;
  /** zstd of the tree, when trees are kept and this one is not the previous one. */
  readonly compressed?: Uint8Array;
}

export interface FoundProblem {
  /** Absolute. */
  readonly path: Uint8Array;
  readonly reason: ProblemReason;
  /** E.g. `EACCES`. */
  readonly systemCode?: string;
}

/** Entries of one directory, compared with the previous tree. */
export interface EntryCounts extends FileTotals {
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnmodified: number;
  /** Entries of the previous tree that are gone. */
  readonly removed: number;
  /** Other than files and directories that are new or differ. */
  readonly othersChanged: number;
  readonly excluded: number;
}
