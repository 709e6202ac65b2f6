import {
  makeDirectory,
  removeDirectory,
  removeEntry,
  renameEntry,
  renameNewEntry,
  setOpenPermissions,
  setPermissions,
} from '../filesystem/directory-changes.js';
import { entryStatusIfAny, FILE_TYPE, openStatus } from '../filesystem/entry-status.js';
import { isSystemError } from '../filesystem/libc.js';
import { openDirectoryBeneath } from '../filesystem/open-beneath.js';
import { DescriptorCache } from './descriptor-cache.js';
import { bytesOf, directoryOf, nameOf } from './raw-path.js';

/** Directories held open by each thread. */
const MAX_OPEN_DIRECTORIES = 128;
const OWNER_PERMISSIONS = 0o700;

/** What was at a path when the plan was made. An empty directory can be replaced. */
export type Replaces = 'nothing' | 'entry' | 'directory';

/**
 * The directories of the target, seen from its root descriptor: every path is resolved beneath it without following a
 * link, then held open, so that nobody can redirect what is done in it.
 */
export class TargetDirectories {
  readonly root: number;
  readonly #cache: DescriptorCache;

  constructor(root: number) {
    this.root = root;
    this.#cache = new DescriptorCache(MAX_OPEN_DIRECTORIES, (path) =>
      openDirectoryBeneath(root, bytesOf(path)),
    );
  }

  /** A descriptor, valid until the next call. */
  get(path: string): number {
    return path === '' ? this.root : this.#cache.get(path);
  }

  /** The directory in which `path` is a name. */
  parentOf(path: string): number {
    return this.get(directoryOf(path));
  }

  /**
   * Makes a directory that only its owner can enter until its metadata is set; what else lies there is replaced when
   * `replace`. One that exists, as the target itself does, is opened up for its owner.
   */
  make(path: string, replace: boolean): void {
    if (path === '') return openUp(this.root);
    const parent = this.parentOf(path);
    const name = bytesOf(nameOf(path));
    const status = entryStatusIfAny(name, parent);
    if (status !== undefined && (status.mode & FILE_TYPE.mask) === FILE_TYPE.directory) {
      if (isClosedToOwner(status.mode)) setPermissions(parent, name, openedUp(status.mode));
      return;
    }
    if (status !== undefined && replace) removeEntry(parent, name);
    makeDirectory(parent, name, OWNER_PERMISSIONS);
  }

  /** Gives something finished its name: at once, and in place of what the plan has seen there, of nothing else. */
  put(directory: number, from: string, to: string, replaces: Replaces): void {
    if (replaces === 'directory') removeDirectoryIfAny(directory, to);
    if (replaces === 'entry') renameEntry(directory, bytesOf(from), bytesOf(to));
    else renameNewEntry(directory, bytesOf(from), bytesOf(to));
  }

  /** Nothing when it is gone already. */
  remove(path: string, isDirectory: boolean): void {
    const parent = this.parentOf(path);
    const name = bytesOf(nameOf(path));
    this.#cache.forget(path);
    try {
      if (isDirectory) removeDirectory(parent, name);
      else removeEntry(parent, name);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
    }
  }

  close(): void {
    this.#cache.clear();
  }
}

/** Whether a directory's owner cannot list it, enter it and change what is in it. */
export function isClosedToOwner(mode: number): boolean {
  return (mode & OWNER_PERMISSIONS) !== OWNER_PERMISSIONS;
}

function openedUp(mode: number): number {
  return (mode & 0o7777) | OWNER_PERMISSIONS;
}

function openUp(directory: number): void {
  const { mode } = openStatus(directory);
  if (isClosedToOwner(mode)) setOpenPermissions(directory, openedUp(mode));
}

function removeDirectoryIfAny(directory: number, name: string): void {
  try {
    removeDirectory(directory, bytesOf(name));
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
}
