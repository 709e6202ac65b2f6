import { statfsSync } from 'node:fs';
import { readDirectory, type DirectoryEntry } from '../filesystem/directory-entries.js';
import { openStatus } from '../filesystem/entry-status.js';
import { closeFd, openDirectoryBeneath } from '../filesystem/open-beneath.js';
import {
  CACHE_TAG,
  CACHE_TAG_FILE,
  IGNORE_FILE,
  KERNEL_FILE_SYSTEMS,
  MAX_IGNORE_FILE_BYTES,
  type ArchivePolicy,
} from './archive-policy.js';
import { openForReading, readFully } from './file-reading.js';
import type { ExcludeTest, IgnoreRules, RulesHere } from './ignore-rules.js';

/** An open directory with what lies in it. */
export interface DirectoryListing {
  readonly directory: number;
  readonly deviceId: bigint;
  /** Ascending by the bytes of the names. */
  readonly entries: readonly DirectoryEntry[];
  /** The directory's own ignore file. */
  readonly ignoreFile: Buffer | undefined;
  readonly ignoreFileTooLarge: boolean;
  readonly isExcluded: ExcludeTest;
}

/** Opens and lists a directory below `root`. Throws system errors; the caller closes `directory`. */
export function listDirectory(
  root: number,
  { path, rules: rulesHere }: { readonly path: Uint8Array; readonly rules: readonly RulesHere[] },
  rules: IgnoreRules,
  policy: ArchivePolicy,
): DirectoryListing {
  const directory = openDirectoryBeneath(root, path);
  try {
    const entries = readDirectory(directory).sort((a, b) => a.name.compare(b.name));
    const own = policy.ignoreFiles && contains(entries, IGNORE_FILE) ? readIgnoreFile(directory) : undefined;
    const ignoreFile = own === 'too_large' ? undefined : own;
    const test = rules.test(rulesHere, ignoreFile);
    const isCache = policy.defaultExcludes && contains(entries, CACHE_TAG_FILE) && hasCacheTag(directory);
    return {
      directory,
      deviceId: openStatus(directory).deviceId,
      entries,
      ignoreFile,
      ignoreFileTooLarge: own === 'too_large',
      isExcluded: isCache ? (name) => name.toString('latin1') !== CACHE_TAG_FILE : test,
    };
  } catch (error) {
    closeFd(directory);
    throw error;
  }
}

/** Whether a directory on another file system than its parent is left empty. */
export function isForeign(path: Buffer, policy: ArchivePolicy): boolean {
  return !policy.crossFileSystems || KERNEL_FILE_SYSTEMS.has(statfsSync(path).type);
}

function contains(entries: readonly DirectoryEntry[], name: string): boolean {
  return entries.some((entry) => entry.name.length === name.length && entry.name.toString('latin1') === name);
}

/** `undefined` when it is no file or cannot be read: then it says nothing, and its node shows the problem. */
function readIgnoreFile(directory: number): Buffer | 'too_large' | undefined {
  const text = readStart(directory, IGNORE_FILE, MAX_IGNORE_FILE_BYTES + 1);
  return text !== undefined && text.length > MAX_IGNORE_FILE_BYTES ? 'too_large' : text;
}

function hasCacheTag(directory: number): boolean {
  return readStart(directory, CACHE_TAG_FILE, CACHE_TAG.length)?.equals(CACHE_TAG) ?? false;
}

function readStart(directory: number, name: string, lengthBytes: number): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openForReading(directory, Buffer.from(name));
    const start = Buffer.allocUnsafeSlow(lengthBytes);
    return start.subarray(0, readFully(fd, start, 0));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}
