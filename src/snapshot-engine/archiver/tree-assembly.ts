import { bufferOf, joinPath } from './archive-context.js';
import type { ArchiveLane } from './archive-lane.js';
import type { BlobClaims } from './blob-claims.js';
import { DirectoryRecord, type DirectoryStart, type PreviousDirectory } from './directory-record.js';
import { rulesBelow, type RulesHere } from './ignore-rules.js';
import type { ChildDirectory, DirectoryOutcome, FileOutcome, FinishedTree } from './turn.js';
import type { TurnQueue } from './turn-queue.js';
import { VISIT_ALL, VISIT_LISTED, type Visit } from './visit-plan.js';
import type { WalkTally } from './walk-tally.js';

/** The policy's patterns have key 0. */
const FIRST_IGNORE_FILE_KEY = 1;

export interface AssemblySetup {
  readonly lanes: readonly ArchiveLane[];
  readonly queue: TurnQueue;
  readonly claims: BlobClaims;
  readonly tally: WalkTally;
  /** Called with a directory that can be given to a worker, except that its previous tree is not in memory. */
  readonly load: (record: DirectoryRecord) => void;
}

/** Decides which directories are visited, and puts the trees together from the leaves to the root. */
export class TreeAssembly {
  readonly #setup: AssemblySetup;
  readonly #open = new Map<number, DirectoryRecord>();
  #root: DirectoryRecord | undefined;
  #ids = 0;
  #ignoreFileKeys = FIRST_IGNORE_FILE_KEY;

  constructor(setup: AssemblySetup) {
    this.#setup = setup;
  }

  /** The workspace's own directory; without a tree when it could not be listed. */
  get root(): DirectoryRecord | undefined {
    return this.#root;
  }

  get isDone(): boolean {
    return this.#open.size === 0;
  }

  start(visit: Visit, previous: PreviousDirectory | undefined, rules: readonly RulesHere[]): void {
    this.#root = this.#begin({
      path: Buffer.alloc(0),
      parent: undefined,
      index: 0,
      visit,
      previous,
      rules,
      readAll: false,
    });
  }

  takeDirectory(lane: ArchiveLane, outcome: DirectoryOutcome): void {
    lane.openDirectories -= 1;
    const record = this.#open.get(outcome.id)!;
    record.outcome = outcome;
    if (outcome.failed !== undefined) return this.#leaveOut(record);
    if (!this.#setup.claims.knowsAll(outcome.reused)) return this.#readAgain(lane, record);
    this.#setup.tally.countDirectory(record.start.path, outcome);
    const before = record.start.previous?.resident;
    if (outcome.partial) this.#keepUnseen(record);
    const visitAll =
      record.start.visit.all || (before !== undefined && !sameBytes(before.ignoreFile, outcome.ignoreFile));
    const rules = this.#rulesInside(record);
    outcome.children.forEach((child, index) => this.#takeChild(record, child, index, visitAll, rules));
    outcome.largeFiles.forEach(({ name, sizeBytes }, index) => {
      record.missing += 1;
      const path = joinPath(record.start.path, name);
      this.#setup.queue.pushFile({ id: this.#nextId(), path, sizeBytes, directory: record, index });
    });
    if (record.missing === 0 && !record.isLeaf) this.#complete(record);
  }

  takeFile(lane: ArchiveLane, outcome: FileOutcome): void {
    const { directory, index, sizeBytes } = lane.openFiles.get(outcome.id)!;
    lane.openFiles.delete(outcome.id);
    lane.openFileBytes -= sizeBytes;
    directory.files[index] = outcome;
    const name = bufferOf(directory.outcome!.largeFiles[index]!.name).toString('latin1');
    if (outcome.racy) directory.racyFiles.push(name);
    if (outcome.failed) directory.unreadFiles.push(name);
    this.#partDone(directory);
  }

  takeTree(finished: FinishedTree): void {
    const record = this.#open.get(finished.id);
    // Of a directory that is being read again.
    if (record === undefined) return;
    this.#open.delete(record.id);
    const { tally } = this.#setup;
    const { path, previous, parent, index } = record.start;
    record.finished = finished;
    tally.countTree(previous?.tree, finished.tree);
    const { noted, newlyLinked } = record.outcome!;
    tally.addRacy(path, [...noted.racy, ...record.racyFiles]);
    tally.addLinked(path, noted.linked, newlyLinked);
    record.keep(finished);
    if (parent === undefined) return;
    parent.subtrees[index] = finished.tree;
    if (record.resident !== undefined) parent.residents.set(nameOf(parent, index), record.resident);
    this.#partDone(parent);
  }

  #begin(start: DirectoryStart): DirectoryRecord {
    const record = new DirectoryRecord(this.#nextId(), start);
    this.#open.set(record.id, record);
    if (start.previous !== undefined && start.previous.resident === undefined) this.#setup.load(record);
    else this.#setup.queue.pushDirectory(record);
    return record;
  }

  /** What unchanged files consist of is gone from the repository: their content must be stored again. */
  #readAgain(lane: ArchiveLane, record: DirectoryRecord): void {
    this.#open.delete(record.id);
    lane.tellForgotten(record.id);
    const again = this.#begin({ ...record.start, readAll: true });
    if (record === this.#root) this.#root = again;
  }

  #leaveOut(record: DirectoryRecord): void {
    this.#open.delete(record.id);
    this.#setup.tally.countDirectory(record.start.path, record.outcome!);
    this.#setup.tally.addRacy(record.start.path, 'all');
    if (record.start.parent !== undefined) this.#partDone(record.start.parent);
  }

  /** Subdirectories that nobody has looked at are as they were. */
  #keepUnseen({ start, residents }: DirectoryRecord): void {
    for (const [name, child] of start.previous!.resident!.children) {
      if (start.visit.names.has(name)) continue;
      residents.set(name, child);
      this.#setup.tally.countUnvisited(child.totals);
    }
  }

  #takeChild(
    record: DirectoryRecord,
    child: ChildDirectory,
    index: number,
    visitAll: boolean,
    rules: readonly RulesHere[],
  ): void {
    const name = bufferOf(child.name);
    const key = name.toString('latin1');
    const resident = record.start.previous?.resident?.children.get(key);
    const planned = record.start.visit.children.get(key);
    const known = resident !== undefined && child.same && !visitAll;
    const listed = child.accessChanged ? { ...VISIT_LISTED, ...planned, list: true } : planned;
    if (known && listed === undefined) {
      record.subtrees[index] = resident.tree;
      record.residents.set(key, resident);
      this.#setup.tally.countUnvisited(resident.totals);
      return;
    }
    const tree = resident?.tree ?? child.previous;
    record.missing += 1;
    this.#begin({
      path: joinPath(record.start.path, name),
      parent: record,
      index,
      visit: known ? listed! : VISIT_ALL,
      previous: tree === undefined ? undefined : { tree, resident },
      rules: rulesBelow(rules, name),
      readAll: false,
    });
  }

  /** The rules as they hold for what lies in the directory, told to all workers. */
  #rulesInside({ start, outcome }: DirectoryRecord): readonly RulesHere[] {
    const { ignoreFile } = outcome!;
    if (ignoreFile === undefined) return start.rules;
    const key = this.#ignoreFileKeys++;
    for (const lane of this.#setup.lanes) lane.tellIgnoreFile(key, ignoreFile);
    return [{ key, path: '' }, ...start.rules];
  }

  #partDone(record: DirectoryRecord): void {
    record.missing -= 1;
    if (record.missing === 0) this.#complete(record);
  }

  #complete({ id, lane, outcome, subtrees, files }: DirectoryRecord): void {
    const all = outcome!.children.map((_, index) => subtrees[index]);
    this.#setup.lanes[lane]!.tellCompletion({ id, subtrees: all, files });
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }
}

function nameOf(parent: DirectoryRecord, index: number): string {
  return bufferOf(parent.outcome!.children[index]!.name).toString('latin1');
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
