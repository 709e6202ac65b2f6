import { isUtf8 } from 'node:buffer';

/** Names that ZIP readers take for paths of their own. */
const DRIVE = /^[a-zA-Z]:/;
/** The format's limit is 65,535. */
const MAX_NAME_BYTES = 65_000;

export interface ZipName {
  /** Relative, with slashes; undefined: it cannot be in an archive. */
  readonly name: string | undefined;
  /** Whether the entry is called so in the snapshot, too. */
  readonly isExact: boolean;
}

/** What an entry is called in a ZIP archive: UTF-8, no backslash, nothing that looks like a drive. */
export function zipName(path: readonly Uint8Array[]): ZipName {
  const bytes = Buffer.concat(path.flatMap((name, at) => (at === 0 ? [name] : [SLASH, name])));
  const text = bytes.toString();
  const name = relativeName(text.replaceAll('\\', '_'));
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return { name: undefined, isExact: false };
  return { name, isExact: name === text && isUtf8(bytes) };
}

/**
 * What a file is called in a ZIP archive. Names of files are data, so one may be `../x` or `a/b`: here it stays one
 * name in its folder, and no reader is led out of the place where it unpacks.
 * @param folder below which the archive begins: `''` or names that each end with a slash
 */
export function zipNameOfFile(folder: string, filename: string): string {
  return relativeName([...folder.split('/').slice(0, -1), filename].map(oneName).join('/'));
}

/**
 * The same names, each once: others get a number before their ending, `a (2).txt`. Names that differ in case or in the
 * form of their accents only are one name on many disks, and a file cannot be called as a folder is.
 */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Map<string, number>();
  for (const name of names) {
    for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) {
      taken.set(folded(name.slice(0, at)), 1);
    }
  }
  return names.map((name) => uniqueName(name, taken));
}

function uniqueName(name: string, taken: Map<string, number>): string {
  const key = folded(name);
  let count = taken.get(key) ?? 0;
  let unique = name;
  while (count > 0 && taken.has(folded(unique))) {
    count += 1;
    unique = numbered(name, count);
  }
  taken.set(key, Math.max(count, 1));
  taken.set(folded(unique), taken.get(folded(unique)) ?? 1);
  return unique;
}

function numbered(name: string, number: number): string {
  const dot = name.lastIndexOf('.');
  const end = dot > name.lastIndexOf('/') + 1 ? dot : name.length;
  return `${name.slice(0, end)} (${number})${name.slice(end)}`;
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function oneName(name: string): string {
  const flat = name.replace(/[/\\]/g, '_');
  return /^\.{1,2}$/.test(flat) ? '_'.repeat(flat.length) : flat;
}

function relativeName(name: string): string {
  return name.replace(DRIVE, (drive) => `${drive[0]}_`);
}

const SLASH = Buffer.from('/');
