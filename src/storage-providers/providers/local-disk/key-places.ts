import { join } from 'node:path';

/*
 * Where objects lie below a bucket's folder.
 *
 * An object lies at its own name: `r/1/data/00/00ab` is the file `r/1/data/00/00ab`, so that other programs (restic,
 * rsync, a human) find what they expect. Where that cannot be, because a folder and a file would need one name (`a`
 * and `a/b`) or because the name is ours (`.stowage`), it lies in `.stowage/overlap` instead, where folders and files
 * have different endings and never meet.
 */

/** Holds what is not an object at its own name. */
export const OWN_FOLDER = '.stowage';
export const TEMP_FOLDER = join(OWN_FOLDER, 'tmp');
export const UPLOADS_FOLDER = join(OWN_FOLDER, 'uploads');
export const OVERLAP_FOLDER = join(OWN_FOLDER, 'overlap');

/** The longest name that Linux file systems take. */
const MAX_NAME_BYTES = 255;

/** How the segments of keys are written as names of folders and files, and back. */
export interface Naming {
  /** Below the bucket's folder. */
  readonly top: string;
  folderName(segment: string): string;
  fileName(segment: string): string;
  /** The segment, or undefined when the name is none of ours. */
  folderSegment(name: string, isTop: boolean): string | undefined;
  fileSegment(name: string): string | undefined;
}

export const natural: Naming = {
  top: '',
  folderName: (segment) => segment,
  fileName: (segment) => segment,
  folderSegment: (name, isTop) => (isTop && name === OWN_FOLDER ? undefined : name),
  fileSegment: (name) => name,
};

export const overlapping: Naming = {
  top: OVERLAP_FOLDER,
  folderName: (segment) => `${escapePercent(segment)}%d`,
  fileName: (segment) => `${escapePercent(segment)}%o`,
  folderSegment: (name) => unescapePercent(name, '%d'),
  fileSegment: (name) => unescapePercent(name, '%o'),
};

/** Path of a key's file, relative to the bucket's folder; undefined where this naming has no room for it. */
export function placeOf(naming: Naming, key: string): string | undefined {
  const segments = key.split('/');
  if (naming === natural && segments[0] === OWN_FOLDER) return undefined;
  const last = segments.length - 1;
  const names = segments.map((segment, at) =>
    at === last ? naming.fileName(segment) : naming.folderName(segment),
  );
  return names.every((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES)
    ? join(naming.top, ...names)
    : undefined;
}

function escapePercent(segment: string): string {
  return segment.replaceAll('%', '%25');
}

function unescapePercent(name: string, ending: string): string | undefined {
  return name.endsWith(ending) ? name.slice(0, -ending.length).replaceAll('%25', '%') : undefined;
}
