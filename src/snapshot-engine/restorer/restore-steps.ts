import type { RemoteService } from '../workers/worker-service.js';
import type { WantedEntry } from './wanted-entry.js';
import { throwIfCancelled } from '../errors/cancellation.js';
import { fileJobOf, replacedBy } from './content-restorer.js';
import type { Failure } from './entry-failure.js';
import type { PlacedEntry } from './entry-placement.js';
import { leastBusy } from '../workers/least-busy.js';
import { directoryOf } from './raw-path.js';
import type { Deletion, PlannedEntry, RestorePlan } from './restore-plan.js';
import type { ClosedDirectory, DirectoryJob } from './restore-worker.js';
import { isClosedToOwner } from './target-directories.js';
import { batchesOf } from './target-reader.js';

/** Entries handled by one call of a thread. */
const ENTRIES_PER_CALL = 500;

/** The steps of a restore besides the files' content, each for many entries at a time. */
export class RestoreSteps {
  readonly #workers: readonly RemoteService[];
  readonly #onFailure: (failure: Failure) => void;
  readonly #signal: AbortSignal | undefined;

  constructor(
    workers: readonly RemoteService[],
    onFailure: (failure: Failure) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#workers = workers;
    this.#onFailure = onFailure;
    this.#signal = signal;
  }

  /** What interrupted restores have left, and what is in directories that files replace. */
  async makeRoom({ entries, deletions, leftovers }: RestorePlan): Promise<void> {
    await this.#inOrder(
      'remove',
      leftovers.map((path) => ({ path, isDirectory: false })),
    );
    await this.#inOrder('remove', deletions.filter(isBeneathAny(replacedDirectories(entries))));
  }

  /** Parents before children. */
  async makeDirectories({ entries }: RestorePlan): Promise<void> {
    const jobs = entries
      .filter((planned) => planned.entry.type === 'dir')
      .filter((planned) => (planned.action !== 'keep' && planned.entry.path !== '') || isClosed(planned))
      .map(directoryJobOf);
    await this.#inOrder('makeDirectories', jobs);
  }

  /** Files whose content was right already. */
  async dressKept({ entries }: RestorePlan, thorough: boolean): Promise<void> {
    const jobs = entries
      .filter((planned) => planned.entry.type === 'file' && planned.linkTo === undefined)
      .filter((planned) => planned.action === 'keep' && needsDressing(planned, thorough))
      .map(fileJobOf);
    await this.#atOnce('dress', jobs);
  }

  /** Further names of files, special files and, last of all, symbolic links. */
  async place({ entries }: RestorePlan): Promise<void> {
    await this.#atOnce('place', entries.filter(isFurtherName).map(placedOf));
    const others = entries.filter(({ entry, linkTo }) => linkTo === undefined && !isFileOrDirectory(entry));
    await this.#atOnce('place', others.filter(({ entry }) => entry.type !== 'symlink').map(placedOf));
    await this.#atOnce('place', others.filter(({ entry }) => entry.type === 'symlink').map(placedOf));
    await this.#atOnce('place', entries.filter(isFurtherNameOfLink).map(placedOf));
  }

  /** What a mirror deletes; what is in a directory first. */
  async delete({ deletions }: RestorePlan): Promise<void> {
    await this.#inOrder('remove', deletions);
  }

  /** Deepest first: afterwards a directory may be closed even to its owner. All but the target itself. */
  async dressDirectories({ entries }: RestorePlan): Promise<void> {
    const directories = entries.filter(({ entry }) => entry.type === 'dir' && entry.path !== '').reverse();
    await this.#inOrder('dressDirectories', directories.filter(isDressed).map(directoryJobOf));
    await this.#inOrder('closeDirectories', directories.filter(isClosedAgain).map(closedAgainOf));
  }

  /** Not cancelled any more: all that was to be done in the target has been done. */
  async dressTarget({ entries }: RestorePlan): Promise<void> {
    const worker = this.#workers[0]!;
    const target = entries.filter(({ entry }) => entry.path === '');
    await this.#apply(worker, 'dressDirectories', target.filter(isDressed).map(directoryJobOf));
    await this.#apply(worker, 'closeDirectories', target.filter(isClosedAgain).map(closedAgainOf));
  }

  async #inOrder<T>(method: string, items: readonly T[]): Promise<void> {
    const worker = this.#workers[0]!;
    for (const batch of batchesOf(items, ENTRIES_PER_CALL)) await this.#call(worker, method, batch);
  }

  /** On all threads, one call each at a time. */
  async #atOnce<T>(method: string, items: readonly T[]): Promise<void> {
    const batches = batchesOf(items, ENTRIES_PER_CALL);
    const run = async (): Promise<void> => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        await this.#call(leastBusy(this.#workers), method, batch);
      }
    };
    await Promise.all(this.#workers.map(run));
  }

  async #call<T>(worker: RemoteService, method: string, batch: readonly T[]): Promise<void> {
    throwIfCancelled('restore', this.#signal);
    await this.#apply(worker, method, batch);
  }

  async #apply<T>(worker: RemoteService, method: string, batch: readonly T[]): Promise<void> {
    const failures = await worker.call<readonly Failure[]>(method, batch);
    for (const failure of failures) this.#onFailure(failure);
  }
}

/** A directory that is only on the way to what was asked for stays as it is. */
function isDressed({ entry, action }: PlannedEntry): boolean {
  return !(entry.ancestor && action === 'keep');
}

/** Its owner could not work in it, and so it has been opened up. */
function isClosed({ existing }: PlannedEntry): boolean {
  return existing?.type === 'dir' && isClosedToOwner(existing.permissions);
}

function isClosedAgain(planned: PlannedEntry): boolean {
  return !isDressed(planned) && isClosed(planned);
}

function closedAgainOf({ entry, existing }: PlannedEntry): ClosedDirectory {
  return { path: entry.path, permissions: existing!.permissions };
}

function isFileOrDirectory({ type }: WantedEntry): boolean {
  return type === 'file' || type === 'dir';
}

function isFurtherName({ linkTo, entry, action }: PlannedEntry): boolean {
  return linkTo !== undefined && entry.type === 'file' && action !== 'keep';
}

/** Of symbolic links and special files: after these have been made. */
function isFurtherNameOfLink({ linkTo, entry, action }: PlannedEntry): boolean {
  return linkTo !== undefined && entry.type !== 'file' && action !== 'keep';
}

function replacedDirectories(entries: readonly PlannedEntry[]): ReadonlySet<string> {
  return new Set(
    entries.filter((planned) => replacedBy(planned) === 'directory').map(({ entry }) => entry.path),
  );
}

function isBeneathAny(directories: ReadonlySet<string>): (deletion: Deletion) => boolean {
  return ({ path }) => {
    if (directories.size === 0) return false;
    for (let up = directoryOf(path); up !== ''; up = directoryOf(up)) if (directories.has(up)) return true;
    return false;
  };
}

/** Attributes are not seen in a file's status: `thorough` looks. */
function needsDressing({ entry, existing }: PlannedEntry, thorough: boolean): boolean {
  if (existing === undefined || thorough || entry.attributes.length > 0) return true;
  return (
    existing.permissions !== entry.permissions ||
    existing.mtimeNs !== entry.mtimeNs ||
    (entry.uid !== -1 && (existing.uid !== entry.uid || existing.gid !== entry.gid))
  );
}

function directoryJobOf({ entry, action }: PlannedEntry): DirectoryJob {
  const { path, permissions, uid, gid, mtimeNs, atimeNs, attributes } = entry;
  return { path, permissions, uid, gid, mtimeNs, atimeNs, attributes, replace: action === 'overwrite' };
}

function placedOf(planned: PlannedEntry): PlacedEntry {
  const { path, permissions, uid, gid, mtimeNs, atimeNs, attributes } = planned.entry;
  const replaces = replacedBy(planned);
  return { path, permissions, uid, gid, mtimeNs, atimeNs, attributes, replaces, what: whatOf(planned) };
}

function whatOf({ entry, action, linkTo }: PlannedEntry): PlacedEntry['what'] {
  const { type, device, linkTarget } = entry;
  if (linkTo !== undefined) return { kind: 'hardLink', to: linkTo };
  if (action === 'keep') return { kind: 'kept', isLink: type === 'symlink' };
  switch (type) {
    case 'symlink':
      return { kind: 'symlink', target: linkTarget ?? '' };
    case 'fifo':
    case 'socket':
      return { kind: type };
    case 'dev':
      return { kind: 'blockDevice', ...(device !== undefined && { device }) };
    case 'chardev':
      return { kind: 'characterDevice', ...(device !== undefined && { device }) };
    default:
      throw new TypeError(`A ${type} is not placed.`);
  }
}
