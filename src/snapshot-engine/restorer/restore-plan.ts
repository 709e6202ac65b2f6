import { LoopPacer } from '../blob-index/loop-pacer.js';
import { ContentResolver, type ContentPart } from './file-content.js';
import { directoryOf, nameOf } from './raw-path.js';
import type { Reuse, TargetEntry, TargetTree } from './target-tree.js';
import { lastingTemporaryName } from './temporary-names.js';
import { joinPath } from './raw-path.js';
import type { Refusal, WantedEntry } from './wanted-entry.js';

/**
 * `create`: nothing lies there. `overwrite`: something else does, and is replaced. `keep`: the content is there
 * already; owners, modes and times are set where they differ.
 */
export type RestoreAction = 'create' | 'overwrite' | 'keep';

export interface PlannedEntry {
  readonly entry: WantedEntry;
  readonly action: RestoreAction;
  readonly existing?: TargetEntry;
  /** Of files that are written: parts that a disk already has. */
  readonly reuse?: Reuse;
  /** Another name of a file that comes before in the plan: only linked. */
  readonly linkTo?: string;
}

export interface Deletion {
  readonly path: string;
  readonly isDirectory: boolean;
}

export interface RestoreSummary {
  readonly create: number;
  readonly overwrite: number;
  readonly keep: number;
  readonly delete: number;
  readonly refused: number;
  /** Sealed bytes of blobs that must come from the repository, each once. */
  readonly bytesToFetch: number;
  /** Bytes of files that are written, without holes. */
  readonly bytesToWrite: number;
}

export interface RestorePlan {
  /** Directories before what is in them. */
  readonly entries: readonly PlannedEntry[];
  /** What is in a directory before the directory. */
  readonly deletions: readonly Deletion[];
  /** Of interrupted restores, and of no use. */
  readonly leftovers: readonly string[];
  readonly refused: readonly Refusal[];
  readonly summary: RestoreSummary;
}

export interface RestorePlanInput {
  readonly wanted: readonly WantedEntry[];
  readonly refused: readonly Refusal[];
  readonly target: TargetTree;
  /** By path, of files that were compared blob by blob. */
  readonly reuse: ReadonlyMap<string, Reuse>;
  /** `content`: a file is kept because it was compared, never for its size and time. */
  readonly verify: 'status' | 'content';
  readonly mirror: boolean;
  /** Whether what is at a path belongs to what was asked for. */
  readonly isSelected: (path: string) => boolean;
}

/**
 * What a restore does. Pure: reads neither repository nor disk, changes nothing. Millions of entries take seconds, in
 * which others have their turns.
 */
export function makeRestorePlan(input: RestorePlanInput, content: ContentResolver): Promise<RestorePlan> {
  return new Planner(input, content).plan();
}

class Planner {
  readonly #input: RestorePlanInput;
  readonly #content: ContentResolver;
  readonly #entries: PlannedEntry[] = [];
  readonly #deletions: Deletion[] = [];
  readonly #refused: Refusal[];
  /** Paths that cannot be: what lies beneath them is refused with them. */
  readonly #blocked = new Set<string>();
  /** First name of each hard-linked file of the snapshot. */
  readonly #primaries = new Map<string, PlannedEntry>();
  /** Names in the target of each file that has several; a file with more names than these has some outside. */
  readonly #namesOfFile = new Map<string, number>();
  readonly #fetched = new Set<string>();
  readonly #usedLeftovers = new Set<string>();
  #bytesToFetch = 0;
  #bytesToWrite = 0;

  constructor(input: RestorePlanInput, content: ContentResolver) {
    this.#input = input;
    this.#content = content;
    this.#refused = [...input.refused];
    for (const { links, file } of input.target.entries.values()) {
      if (links > 1) this.#namesOfFile.set(file, (this.#namesOfFile.get(file) ?? 0) + 1);
    }
  }

  async plan(): Promise<RestorePlan> {
    const pacer = new LoopPacer();
    for (const entry of this.#input.wanted) {
      if (pacer.isDue) await pacer.rest();
      this.#planEntry(entry);
    }
    if (this.#input.mirror) this.#planDeletions();
    const leftovers = [...this.#input.target.temporary].filter((path) => !this.#usedLeftovers.has(path));
    return {
      entries: this.#entries,
      deletions: this.#deletions,
      leftovers,
      refused: this.#refused,
      summary: this.#summary(),
    };
  }

  #summary(): RestoreSummary {
    const count = (action: RestoreAction): number =>
      this.#entries.filter((planned) => planned.action === action).length;
    return {
      create: count('create'),
      overwrite: count('overwrite'),
      keep: count('keep'),
      delete: this.#deletions.length,
      refused: this.#refused.length,
      bytesToFetch: this.#bytesToFetch,
      bytesToWrite: this.#bytesToWrite,
    };
  }

  #planEntry(entry: WantedEntry): void {
    const { path } = entry;
    const existing = this.#input.target.entries.get(path);
    if (path !== '' && this.#blocked.has(directoryOf(path))) return this.#refuse(entry, 'in_the_way');
    if (entry.type === 'dir') return this.#planDirectory(entry, existing);
    if (existing?.type === 'dir' && !this.#mayReplaceDirectory(path))
      return this.#refuse(entry, 'in_the_way');
    const primary = entry.hardLink === undefined ? undefined : this.#primaries.get(entry.hardLink);
    if (primary !== undefined) return this.#planLink(entry, primary, existing);
    const planned = entry.type === 'file' ? this.#planFile(entry, existing) : planOther(entry, existing);
    if (planned === undefined) return;
    this.#entries.push(planned);
    if (entry.hardLink !== undefined) this.#primaries.set(entry.hardLink, planned);
  }

  #refuse({ path, type }: WantedEntry, reason: Refusal['reason']): void {
    this.#refused.push({ path, reason });
    if (type === 'dir') this.#blocked.add(path);
  }

  #planDirectory(entry: WantedEntry, existing: TargetEntry | undefined): void {
    const action = existing === undefined ? 'create' : existing.type === 'dir' ? 'keep' : 'overwrite';
    this.#entries.push({ entry, action, ...(existing && { existing }) });
  }

  /** Deleting a directory with what is in it is for mirrors. */
  #mayReplaceDirectory(path: string): boolean {
    return this.#input.mirror && this.#input.isSelected(path);
  }

  #planFile(entry: WantedEntry, existing: TargetEntry | undefined): PlannedEntry | undefined {
    const parts = this.#content.resolve(entry);
    if (typeof parts === 'string') {
      this.#refuse(entry, parts);
      return undefined;
    }
    const reuse = this.#input.reuse.get(entry.path);
    if (existing !== undefined && this.#isSame(entry, existing, reuse))
      return { entry, action: 'keep', existing };
    this.#count(parts, reuse);
    if (reuse?.from === 'temporary') this.#usedLeftovers.add(temporaryPathOf(entry.path));
    return {
      entry,
      action: existing === undefined ? 'create' : 'overwrite',
      ...(existing && { existing }),
      ...(reuse && { reuse }),
    };
  }

  #isSame(entry: WantedEntry, existing: TargetEntry, reuse: Reuse | undefined): boolean {
    if (existing.type !== 'file' || existing.sizeBytes !== entry.sizeBytes) return false;
    // Its owner, mode and times would change outside of the target, too.
    if (this.#hasNamesElsewhere(existing)) return false;
    if (reuse?.from === 'target') return !reuse.present.includes(0);
    // There is nothing to compare in an empty file.
    if (entry.sizeBytes === 0) return true;
    return this.#input.verify === 'status' && existing.mtimeNs === entry.mtimeNs;
  }

  #hasNamesElsewhere({ links, file }: TargetEntry): boolean {
    return links > 1 && links > (this.#namesOfFile.get(file) ?? 0);
  }

  #planLink(entry: WantedEntry, primary: PlannedEntry, existing: TargetEntry | undefined): void {
    const isLinked =
      primary.action === 'keep' && existing !== undefined && existing.file === primary.existing?.file;
    this.#entries.push({
      entry,
      action: isLinked ? 'keep' : existing === undefined ? 'create' : 'overwrite',
      ...(existing && { existing }),
      linkTo: primary.entry.path,
    });
  }

  #count(parts: readonly ContentPart[], reuse: Reuse | undefined): void {
    for (const [index, { blob, lengthBytes, isZero }] of parts.entries()) {
      if (!isZero) this.#bytesToWrite += lengthBytes;
      if (isZero || reuse?.present[index] === 1 || this.#fetched.has(blob.id)) continue;
      this.#fetched.add(blob.id);
      this.#bytesToFetch += blob.lengthBytes;
    }
  }

  #planDeletions(): void {
    const wanted = new Set(this.#entries.map(({ entry }) => entry.path));
    // A refused entry says that something should be there; it is not deleted for our refusing it.
    for (const { path } of this.#refused) wanted.add(path);
    const kept = new Set<string>();
    for (const path of wanted) for (let up = path; up !== ''; up = directoryOf(up)) kept.add(up);
    for (const [path, existing] of this.#input.target.entries) {
      if (path === '' || kept.has(path) || !this.#input.isSelected(path)) continue;
      if (!existing.sameFileSystem) this.#refused.push({ path, reason: 'other_file_system' });
      else this.#deletions.push({ path, isDirectory: existing.type === 'dir' });
    }
    this.#deletions.sort((a, b) => (a.path < b.path ? 1 : -1));
  }
}

/** Links and special files are made anew unless they are the same. */
function planOther(entry: WantedEntry, existing: TargetEntry | undefined): PlannedEntry {
  if (existing === undefined) return { entry, action: 'create' };
  const isSame =
    existing.type === entry.type &&
    existing.linkTarget === entry.linkTarget &&
    (entry.device === undefined || existing.device === entry.device) &&
    existing.links === 1;
  return { entry, action: isSame ? 'keep' : 'overwrite', existing };
}

/** Where a file of several blobs is put together. */
export function temporaryPathOf(path: string): string {
  return joinPath(directoryOf(path), lastingTemporaryName(nameOf(path)));
}

/** Blobs of a planned file that must be fetched, with their places in the file. */
export function partsToFetch(planned: PlannedEntry, parts: readonly ContentPart[]): ContentPart[] {
  return parts.filter(({ isZero }, index) => !isZero && planned.reuse?.present[index] !== 1);
}
