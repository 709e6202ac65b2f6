import { linkEntry, makeSymlink, removeEntry } from '../filesystem/directory-changes.js';
import { entryStatus, FILE_TYPE } from '../filesystem/entry-status.js';
import { OPEN } from '../filesystem/libc.js';
import { closeFd, openDirectoryBeneath, openEntry } from '../filesystem/open-beneath.js';
import { createSpecialFile, type SpecialFileKind } from '../filesystem/special-files.js';
import { dressEntry, dressOpen, type Metadata } from './file-metadata.js';
import type { FileJob } from './file-writer.js';
import { bytesOf, directoryOf, nameOf } from './raw-path.js';
import type { Replaces, TargetDirectories } from './target-directories.js';
import { TemporaryNames } from './temporary-names.js';

/** A symbolic link, special file or further name of a file. Targets of links are any bytes and never looked at. */
export interface PlacedEntry extends Metadata {
  readonly path: string;
  readonly replaces: Replaces;
  readonly what:
    | { readonly kind: 'symlink'; readonly target: string }
    | { readonly kind: 'hardLink'; readonly to: string }
    | { readonly kind: SpecialFileKind; readonly device?: bigint }
    /** It is there already. */
    | { readonly kind: 'kept'; readonly isLink: boolean };
}

const names = new TemporaryNames();

/** Made under another name and renamed, so that what lies there is replaced at once. */
export function placeEntry(directories: TargetDirectories, entry: PlacedEntry): void {
  const { path, what, replaces } = entry;
  const name = nameOf(path);
  if (what.kind === 'kept') return dressEntry(directories.parentOf(path), name, entry, what.isLink);
  const temporary = names.next();
  if (what.kind === 'hardLink') return placeHardLink(directories, entry, what.to, temporary);
  const directory = directories.parentOf(path);
  if (what.kind === 'symlink') makeSymlink(directory, bytesOf(temporary), bytesOf(what.target));
  else createSpecialFile(bytesOf(temporary), { ...what, kind: what.kind, permissions: 0o600 }, directory);
  try {
    dressEntry(directory, temporary, entry, what.kind === 'symlink');
    directories.put(directory, temporary, name, replaces);
  } catch (error) {
    removeEntry(directory, bytesOf(temporary));
    throw error;
  }
}

function placeHardLink(
  directories: TargetDirectories,
  { path, replaces }: PlacedEntry,
  to: string,
  temporary: string,
): void {
  // Two directories at once: the cache promises only the one asked for last.
  const source = openDirectoryBeneath(directories.root, bytesOf(directoryOf(to)));
  try {
    const directory = directories.parentOf(path);
    linkEntry(source, bytesOf(nameOf(to)), directory, bytesOf(temporary));
    try {
      directories.put(directory, temporary, nameOf(path), replaces);
    } finally {
      // Renaming a name onto another of the same file does nothing and leaves both.
      removeLeftover(directory, temporary);
    }
  } finally {
    closeFd(source);
  }
}

function removeLeftover(directory: number, name: string): void {
  try {
    removeEntry(directory, bytesOf(name));
  } catch {
    // The usual case: it has been renamed.
  }
}

/** Owner, mode, attributes and times of a file whose content is right already; touched only where they differ. */
export function dressInPlace(directories: TargetDirectories, job: FileJob): void {
  const parent = directories.parentOf(job.path);
  const name = bytesOf(nameOf(job.path));
  const { mode, uid } = entryStatus(name, parent);
  if ((mode & FILE_TYPE.mask) !== FILE_TYPE.file) throw new Error('It was exchanged during the restore.');
  const mine = process.geteuid?.();
  // Only its owner may set times, and root.
  if (mine !== 0 && uid !== mine) throw new Error('It belongs to somebody else.');
  if ((mode & 0o400) === 0 && mine !== 0) return dressEntry(parent, nameOf(job.path), job, false);
  const fd = openEntry(parent, name, OPEN.readOnly | OPEN.nonBlocking);
  try {
    dressOpen(fd, job, false);
  } finally {
    closeFd(fd);
  }
}
