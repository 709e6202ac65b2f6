import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, open } from 'node:fs/promises';
import type { AllowedPath } from './allowed-paths.js';
import { fileNotFound, folderUnavailable, notRegular, unreadable } from './local-files-error.js';

/** Linux's O_PATH, the same number everywhere: names an entry without opening what it is, so a device notices nothing. */
const PATH_ONLY = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

export interface OpenedLocalFile {
  /** To be closed by whoever opened it. */
  readonly handle: FileHandle;
  readonly stats: BigIntStats;
}

/**
 * Opens a regular file below an allowed root, one name after the other from the root on, each relative to the directory
 * that was opened before and none of them a link: whatever others rename or replace meanwhile, it ends below the root.
 * @throws LocalFilesError `local_file_not_found`, `local_file_not_regular`, `local_file_unreadable`,
 *   `local_folder_unavailable`
 */
export async function openLocalFile({ root, path }: AllowedPath): Promise<OpenedLocalFile> {
  const names = path === root ? [] : path.slice(root === '/' ? 1 : root.length + 1).split('/');
  const name = names.pop();
  if (name === undefined) throw notRegular();
  const directory = await openDirectory(root, names);
  try {
    return await openEntry(`${inside(directory)}/${name}`);
  } finally {
    await directory.close();
  }
}

async function openDirectory(root: string, names: readonly string[]): Promise<FileHandle> {
  const flags = PATH_ONLY | O_DIRECTORY | O_NOFOLLOW;
  let directory = await open(root, flags).catch(() => {
    throw folderUnavailable(root);
  });
  for (const name of names) {
    const parent = directory;
    try {
      directory = await open(`${inside(parent)}/${name}`, flags);
    } catch (error) {
      throw problemOf(error);
    } finally {
      await parent.close();
    }
  }
  return directory;
}

/** What the name stands for is looked at first; then exactly that is opened, under whatever name it has by then. */
async function openEntry(entryPath: string): Promise<OpenedLocalFile> {
  let entry: FileHandle | undefined;
  try {
    entry = await open(entryPath, PATH_ONLY | O_NOFOLLOW);
    const stats = await entry.stat({ bigint: true });
    if (!stats.isFile()) throw notRegular();
    return { handle: await open(inside(entry), O_RDONLY), stats };
  } catch (error) {
    throw problemOf(error);
  } finally {
    await entry?.close();
  }
}

function inside({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}

function problemOf(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return fileNotFound();
    case 'ENOTDIR':
    case 'ELOOP':
    case 'ENXIO':
      return notRegular();
    case 'EACCES':
    case 'EPERM':
    case 'EIO':
    case 'ESTALE':
    case 'EMFILE':
    case 'ENFILE':
      return unreadable(code, error);
    default:
      return error;
  }
}
