import type { DirectoryRecord } from './directory-record.js';
import type { FileOrder } from './turn.js';

/** Work that a worker holds at most; what it does not have yet another one may take. */
const MAX_DIRECTORIES_PER_LANE = 16;
/** Bytes of large files that a worker holds at most, but always one file. */
const MAX_FILE_BYTES_PER_LANE = 16 * 1_024 * 1_024;
/** So many large files may wait before no further directories are looked at. */
const MAX_WAITING_FILES = 1_024;

export interface QueuedFile extends FileOrder {
  readonly directory: DirectoryRecord;
  readonly index: number;
}

/** Directories and large files that no worker has yet. The newest first: then few directories are half done. */
export class TurnQueue {
  readonly #directories: DirectoryRecord[] = [];
  readonly #files: QueuedFile[] = [];

  get isEmpty(): boolean {
    return this.#directories.length === 0 && this.#files.length === 0;
  }

  pushDirectory(record: DirectoryRecord): void {
    this.#directories.push(record);
  }

  pushFile(file: QueuedFile): void {
    this.#files.push(file);
  }

  /** For a worker that has so many directories open. */
  takeDirectories(open: number): DirectoryRecord[] {
    if (this.#files.length > MAX_WAITING_FILES && open > 0) return [];
    return takeLast(this.#directories, MAX_DIRECTORIES_PER_LANE - open);
  }

  /** For a worker that has so many bytes of large files before it. */
  takeFiles(openBytes: number): QueuedFile[] {
    const taken: QueuedFile[] = [];
    for (let bytes = openBytes; bytes < MAX_FILE_BYTES_PER_LANE;) {
      const file = this.#files.pop();
      if (file === undefined) break;
      taken.push(file);
      bytes += file.sizeBytes;
    }
    return taken;
  }
}

function takeLast<T>(stack: T[], count: number): T[] {
  return count > 0 ? stack.splice(Math.max(0, stack.length - count)).reverse() : [];
}
