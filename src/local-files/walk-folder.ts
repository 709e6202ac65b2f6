import { isUtf8 } from 'node:buffer';
import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderRules } from './folder-rules.js';

export interface WalkedFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly stats: BigIntStats;
}

export interface WalkOptions {
  /** The folder, absolute and without links. */
  readonly top: string;
  /** Relative to it; '' for all of it. */
  readonly from: string;
  readonly deep: boolean;
  readonly rules: FolderRules;
  /** Hears of each directory before it is listed. */
  readonly enter: (path: string) => void;
  /** Directories that are left out, by absolute path. */
  readonly isOff: (path: string) => Promise<boolean>;
  /** Hears of each entry that cannot be read or named. */
  readonly unreadable: () => void;
  readonly signal: AbortSignal;
}

/** All regular files below a directory, one directory after the other; links are not followed. */
export async function* walkFolder(options: WalkOptions): AsyncGenerator<WalkedFile> {
  const waiting = [options.from];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    options.enter(directory);
    for await (const entry of entriesOf(directory, options)) {
      options.signal.throwIfAborted();
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) {
        if (options.deep && (await mayEnter(path, options))) waiting.push(path);
      } else if (entry.isFile() && options.rules.takesFile(path)) {
        const stats = await statsOf(join(options.top, path), options);
        if (stats?.isFile() === true) yield { path, stats };
      }
    }
  }
}

async function mayEnter(path: string, { top, rules, isOff }: WalkOptions): Promise<boolean> {
  return rules.entersDirectory(path) && !(await isOff(join(top, path)));
}

/** A name that is not UTF-8 cannot be the name of a file here, and is told as unreadable. */
async function* entriesOf(
  directory: string,
  { top, unreadable }: WalkOptions,
): AsyncGenerator<Dirent<string>> {
  try {
    const listed = await opendir(join(top, directory), {
      encoding: 'buffer' as BufferEncoding,
      bufferSize: 256,
    });
    for await (const entry of listed) {
      const name = entry.name as unknown as Buffer;
      if (isUtf8(name)) yield Object.assign(entry, { name: name.toString() });
      else unreadable();
    }
  } catch (error) {
    // Gone meanwhile: there is an event about it, or the next walk does not find it.
    const { code } = error as NodeJS.ErrnoException;
    if (directory === '' || code === undefined) throw error;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') unreadable();
  }
}

async function statsOf(path: string, { unreadable }: WalkOptions): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') unreadable();
    return undefined;
  }
}
