import { MAX_NAMED_PROBLEMS, type ArchiveProblem } from './archive-problem.js';
import { ChangedEntries } from './changed-entries.js';
import type { SubtreeTotals } from './resident-directory.js';
import type { ArchiveTurnResult, DirectoryOutcome, EntryCounts, FoundProblem } from './turn.js';

/** Directories whose paths are remembered; beyond it the whole tree is the answer. */
const MAX_PATHS = 10_000;

/** What a walk has found, added up. */
export class WalkTally {
  readonly entries = {
    filesNew: 0,
    filesChanged: 0,
    filesUnmodified: 0,
    removed: 0,
    othersChanged: 0,
    excluded: 0,
  };
  dirsNew = 0;
  dirsChanged = 0;
  dirsUnmodified = 0;
  totalFiles = 0;
  totalBytes = 0;
  filesDone = 0;
  bytesDone = 0;
  currentFile: Uint8Array | undefined;
  readonly problems: ArchiveProblem[] = [];
  problemCount = 0;
  /** To look at again: they are too young to be trusted. Of directories that failed, all. */
  readonly racyEntries = new ChangedEntries();
  /** Directories in which an entry differs from the previous tree. One character a byte. */
  readonly changedDirectories = new Set<string>();
  /** Files that have further hard links. */
  readonly linkedEntries = new ChangedEntries();
  newlyLinked = false;
  /** A set above is not complete. */
  overflown = false;

  countTurn({ problems, filesDone, bytesDone, currentFile }: ArchiveTurnResult): void {
    this.filesDone += filesDone;
    this.bytesDone += bytesDone;
    this.currentFile = currentFile ?? this.currentFile;
    for (const problem of problems) this.#addProblem(problem);
  }

  countDirectory(path: Buffer, { counts, failed }: DirectoryOutcome): void {
    for (const key of Object.keys(this.entries) as (keyof WalkTally['entries'])[])
      this.entries[key] += counts[key];
    this.totalFiles += counts.files;
    this.totalBytes += counts.sizeBytes;
    if (failed === undefined && !differs(counts)) return;
    if (this.changedDirectories.size < MAX_PATHS) this.changedDirectories.add(path.toString('latin1'));
    else this.overflown = true;
  }

  countTree(previous: string | undefined, tree: string): void {
    if (previous === undefined) this.dirsNew += 1;
    else if (previous === tree) this.dirsUnmodified += 1;
    else this.dirsChanged += 1;
  }

  /** A subtree that was not visited. */
  countUnvisited({ files, directories, sizeBytes }: SubtreeTotals): void {
    this.entries.filesUnmodified += files;
    this.dirsUnmodified += directories;
    this.totalFiles += files;
    this.totalBytes += sizeBytes;
  }

  addRacy(path: Buffer, names: readonly string[] | 'all'): void {
    if (this.racyEntries.size < MAX_PATHS) this.racyEntries.addNames(path.toString('latin1'), names);
    else this.overflown ||= names.length > 0;
  }

  addLinked(path: Buffer, names: readonly string[], newly: boolean): void {
    this.newlyLinked ||= newly;
    if (this.linkedEntries.size < MAX_PATHS) this.linkedEntries.addNames(path.toString('latin1'), names);
  }

  #addProblem({ path, reason, systemCode }: FoundProblem): void {
    this.problemCount += 1;
    if (this.problems.length >= MAX_NAMED_PROBLEMS) return;
    const pathBytes = Buffer.from(path);
    this.problems.push({ path: pathBytes.toString(), pathBytes, reason, systemCode });
  }
}

function differs({ filesNew, filesChanged, removed, othersChanged }: EntryCounts): boolean {
  return filesNew + filesChanged + removed + othersChanged > 0;
}
