import { statfsSync } from 'node:fs';
import { readDirectory } from '../filesystem/directory-entries.js';
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
import { bufferOf, type ArchiveContext } from './archive-context.js';
import type { ExcludeTest } from './ignore-rules.js';
import type { DirectoryOrder } from './turn.js';

/** An open directory with what is to be looked at in it. */
export interface DirectoryListing {
  readonly directory: number;
  readonly deviceId: bigint;
  /** Ascending by their bytes. */
  readonly names: readonly Buffer[];
  /** The directory's own ignore file. */
  readonly ignoreFile: Buffer | undefined;
  readonly ignoreFileTooLarge: boolean;
  readonly isExcluded: ExcludeTest;
}

type Place = Pick<DirectoryOrder, 'path' | 'rules' | 'partial'>;
type Surroundings = Pick<ArchiveContext, 'root' | 'rules' | 'policy'>;

/** Opens and lists a directory below the root. Throws system errors; the caller closes `directory`. */
export function listDirectory({ path, rules: rulesHere }: Place, context: Surroundings): DirectoryListing {
  const { root, rules, policy } = context;
  const directory = openDirectoryBeneath(root, path);
  try {
    const names = readDirectory(directory)
      .map(({ name }) => name)
      .sort((a, b) => a.compare(b));
    const own = policy.ignoreFiles && contains(names, IGNORE_FILE) ? readIgnoreFile(directory) : undefined;
    const ignoreFile = own === 'too_large' ? undefined : own;
    const test = rules.test(rulesHere, ignoreFile);
    const isCache = policy.defaultExcludes && contains(names, CACHE_TAG_FILE) && hasCacheTag(directory);
    return {
      directory,
      deviceId: openStatus(directory).deviceId,
      names,
      ignoreFile,
      ignoreFileTooLarge: own === 'too_large',
      isExcluded: isCache ? (name) => name.toString('latin1') !== CACHE_TAG_FILE : test,
    };
  } catch (error) {
    closeFd(directory);
    throw error;
  }
}

/**
 * As `listDirectory`, but for some names only, whether they are there or not, in a directory without a cache's tag
 * whose ignore file has not changed.
 */
export function openListed(
  { path, rules: rulesHere, partial }: Place,
  names: readonly Buffer[],
  { root, rules }: Surroundings,
): DirectoryListing {
  const ignoreFile = partial?.ignoreFile && bufferOf(partial.ignoreFile);
  const directory = openDirectoryBeneath(root, path);
  try {
    return {
      directory,
      deviceId: openStatus(directory).deviceId,
      names,
      ignoreFile,
      ignoreFileTooLarge: false,
      isExcluded: rules.test(rulesHere, ignoreFile),
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

function contains(names: readonly Buffer[], wanted: string): boolean {
  return names.some((name) => name.length === wanted.length && name.toString('latin1') === wanted);
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
