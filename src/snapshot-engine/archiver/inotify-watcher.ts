import { Inotify, INOTIFY, inotifyWatchLimit, type InotifyEvent } from '../filesystem/inotify.js';
import { isSystemError } from '../filesystem/libc.js';
import { joinPath } from './archive-context.js';
import type { ChangeWatcher, TakenChanges, UnknownReason } from './change-watcher.js';
import { ChangedEntries } from './changed-entries.js';

/** How often the kernel's queue is emptied; it holds 16,384 events where nobody has changed that. */
const DRAIN_INTERVAL_MS = 500;
/** Reads of 64 KiB at a time, so that a storm does not block the event loop. */
const MAX_READS_PER_DRAIN = 16;
/** Beyond this a walk is cheaper. */
const MAX_CHANGED_PATHS = 20_000;
const APPEARED = INOTIFY.create | INOTIFY.movedTo;

/**
 * Changes through the kernel's inotify. Not noticed, by inotify's nature: writes through a shared memory mapping,
 * through a hard link in another directory, and by other machines on a network file system; walks find those.
 */
export class InotifyWatcher implements ChangeWatcher {
  readonly #workspace: Buffer;
  readonly #timer: NodeJS.Timeout;
  #inotify: Inotify | undefined;
  /** Paths of watched directories, one character a byte. */
  readonly #paths = new Map<number, string>();
  #entries = new ChangedEntries();
  #subtrees = new Set<string>();
  #unknown: UnknownReason | undefined;
  #problem: string | undefined;

  constructor(workspace: Buffer) {
    this.#workspace = workspace;
    this.#timer = setInterval(() => this.#drain(MAX_READS_PER_DRAIN), DRAIN_INTERVAL_MS).unref();
    this.#guard(() => {
      this.#inotify = new Inotify();
    });
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  watch(directory: Buffer): void {
    this.#guard(() => {
      const watch = this.#inotify?.watchDirectory(joinPath(this.#workspace, directory));
      if (watch !== undefined) this.#paths.set(watch, directory.toString('latin1'));
    });
  }

  take(): TakenChanges {
    this.#drain(Infinity);
    const reason = this.#unknown;
    const [entries, subtrees] = [this.#entries, this.#subtrees];
    this.#entries = new ChangedEntries();
    this.#subtrees = new Set();
    // What does not work does not mend itself.
    if (this.#problem === undefined) this.#unknown = undefined;
    return reason === undefined ? { known: true, entries, subtrees } : { known: false, reason };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#inotify?.close();
    this.#inotify = undefined;
    this.#paths.clear();
  }

  #drain(maxReads: number): void {
    this.#guard(() => {
      for (let reads = 0; reads < maxReads; reads += 1) {
        const events = this.#inotify?.read() ?? [];
        if (events.length === 0) return;
        for (const event of events) this.#note(event);
      }
    });
  }

  #note({ watch, mask, name }: InotifyEvent): void {
    if (mask & (INOTIFY.overflow | INOTIFY.unmount)) this.#unknown ??= 'events_lost';
    const directory = this.#paths.get(watch);
    if (mask & INOTIFY.ignored) this.#paths.delete(watch);
    if (directory === undefined) return;
    // Where the workspace itself went nobody can tell.
    if (directory === '' && mask & (INOTIFY.moveSelf | INOTIFY.deleteSelf)) this.#unknown ??= 'events_lost';
    if (name.length > 0) this.#noteEntry(directory, mask, name.toString('latin1'));
    // Of new attributes of a directory hears its parent too, which then looks at it; the root has none.
    else if (directory === '' || (mask & INOTIFY.attributes) === 0) this.#entries.addWhole(directory);
    if (this.#entries.size + this.#subtrees.size > MAX_CHANGED_PATHS) this.#giveUp('too_many_changes');
  }

  #noteEntry(directory: string, mask: number, name: string): void {
    this.#entries.add(directory, name);
    if ((mask & INOTIFY.isDirectory) === 0) return;
    const path = directory === '' ? name : `${directory}/${name}`;
    if (mask & APPEARED) this.#subtrees.add(path);
    if (mask & INOTIFY.movedFrom) this.#forgetBelow(path);
  }

  /** The watches go with the directories; where they come back, a walk finds them under their new path. */
  #forgetBelow(path: string): void {
    for (const [watch, watched] of this.#paths) {
      if (watched === path || watched.startsWith(`${path}/`)) this.#paths.delete(watch);
    }
  }

  #giveUp(reason: UnknownReason): void {
    this.#unknown = reason;
    this.#entries.clear();
    this.#subtrees.clear();
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      // It went away between the look at its parent and this one: there is an event about it.
      if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return;
      this.fail(error);
    }
  }

  /** Watches nothing any longer: from now on nobody knows what changes. */
  fail(error: unknown): void {
    const limited = isSystemError(error, 'ENOSPC', 'EMFILE');
    this.#giveUp(limited ? 'watch_limit' : 'watcher_failed');
    this.#problem = limited
      ? limitSentence(error)
      : `Changes cannot be watched: ${(error as Error).message}.`;
    this.#inotify?.close();
    this.#inotify = undefined;
    this.#paths.clear();
  }
}

function limitSentence(error: NodeJS.ErrnoException): string {
  if (error.code === 'EMFILE') {
    return 'The kernel allows no further inotify queue; raise fs.inotify.max_user_instances.';
  }
  const limit = inotifyWatchLimit();
  const known = limit === undefined ? '' : ` (${limit} for this user)`;
  return `The workspace has more directories than the kernel watches${known}; raise fs.inotify.max_user_watches.`;
}
