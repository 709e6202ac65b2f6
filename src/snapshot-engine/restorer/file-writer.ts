import { entryStatusIfAny, FILE_TYPE, openStatus } from '../filesystem/entry-status.js';
import { removeEntry } from '../filesystem/directory-changes.js';
import { checked, isSystemError, libc, OPEN } from '../filesystem/libc.js';
import { closeFd, openEntry } from '../filesystem/open-beneath.js';
import { preallocate, punchHole, setSize, zeroRuns } from '../filesystem/sparse.js';
import { DescriptorCache } from './descriptor-cache.js';
import { dressOpen, type Metadata } from './file-metadata.js';
import { bytesOf, directoryOf, nameOf } from './raw-path.js';
import type { Replaces, TargetDirectories } from './target-directories.js';
import { lastingTemporaryName, TemporaryNames } from './temporary-names.js';

/** A file of the plan, as far as a thread must know it. */
export interface FileJob extends Metadata {
  readonly path: string;
  readonly sizeBytes: number;
  readonly replaces: Replaces;
}

/** How the temporary file of a job is made. */
export interface PreparedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Go on with what an interrupted restore has left. */
  readonly resume: boolean;
  /** There are whole chunks of zeros: no space is taken in advance. */
  readonly hasHoles: boolean;
}

const MAX_OPEN_FILES = 32;
/** Shorter runs of zeros are not worth a system call. */
const MIN_HOLE_BYTES = 32 * 1_024;

/** Writes files next to their place under other names, and gives them their own when they are whole. One per thread. */
export class FileWriter {
  readonly #directories: TargetDirectories;
  readonly #sparse: boolean;
  readonly #names = new TemporaryNames();
  readonly #files: DescriptorCache;

  constructor(directories: TargetDirectories, sparse: boolean) {
    this.#directories = directories;
    this.#sparse = sparse;
    this.#files = new DescriptorCache(MAX_OPEN_FILES, (path) => this.#openTemporary(path, OPEN.readWrite));
  }

  /** A whole file in one go. */
  writeWhole(job: FileJob, content: Buffer): void {
    const directory = this.#directories.parentOf(job.path);
    const name = this.#names.next();
    const fd = openEntry(directory, bytesOf(name), OPEN.writeOnly | OPEN.create | OPEN.exclusive, 0o600);
    try {
      try {
        this.#write(fd, content, 0, false);
        if (content.length >= MIN_HOLE_BYTES) setSize(fd, content.length);
        dressOpen(fd, job, true);
      } finally {
        closeFd(fd);
      }
      this.#directories.put(directory, name, nameOf(job.path), job.replaces);
    } catch (error) {
      removeIfAny(directory, name);
      throw error;
    }
  }

  /** Makes the temporary file of a job whose content comes in parts. */
  prepare({ path, sizeBytes, resume, hasHoles }: PreparedFile): void {
    const directory = this.#directories.parentOf(path);
    const name = lastingTemporaryName(nameOf(path));
    if (!resume) {
      removeIfAny(directory, name);
      closeFd(openEntry(directory, bytesOf(name), OPEN.writeOnly | OPEN.create | OPEN.exclusive, 0o600));
    }
    const fd = this.#files.get(path);
    if (hasHoles) setSize(fd, sizeBytes);
    else preallocate(fd, sizeBytes);
    if (resume) setSize(fd, sizeBytes);
  }

  /** A part of a prepared file. */
  writePart(path: string, content: Buffer, offset: number): void {
    this.#write(this.#files.get(path), content, offset, true);
  }

  /** Zeros in a prepared file that goes on with an earlier one. */
  clearPart(path: string, offset: number, lengthBytes: number): void {
    const fd = this.#files.get(path);
    if (punchHole(fd, { offset, lengthBytes })) return;
    const zeros = Buffer.alloc(Math.min(lengthBytes, 1_024 * 1_024));
    for (let done = 0; done < lengthBytes; done += zeros.length) {
      writeAll(fd, zeros.subarray(0, Math.min(zeros.length, lengthBytes - done)), offset + done);
    }
  }

  /** A part of the file's temporary form, to see what an interrupted restore has written. */
  readPart(path: string, into: Buffer, offset: number): number {
    return checked(libc().pread(this.#files.get(path), into, into.length, offset), 'pread', bytesOf(path));
  }

  /** Size of the file's temporary form. */
  sizeOf(path: string): number {
    return openStatus(this.#files.get(path)).sizeBytes;
  }

  /** A prepared file whose parts have all been written, by whichever threads. */
  finish(job: FileJob): void {
    const fd = this.#files.get(job.path);
    dressOpen(fd, job, true);
    this.#files.forget(job.path);
    const directory = this.#directories.parentOf(job.path);
    this.#directories.put(directory, lastingTemporaryName(nameOf(job.path)), nameOf(job.path), job.replaces);
  }

  /** Gives up a prepared file. */
  discard(path: string): void {
    this.#files.forget(path);
    removeIfAny(this.#directories.parentOf(path), lastingTemporaryName(nameOf(path)));
  }

  forget(path: string): void {
    this.#files.forget(path);
  }

  close(): void {
    this.#files.clear();
  }

  #openTemporary(path: string, flags: number): number {
    const directory = this.#directories.get(directoryOf(path));
    const name = bytesOf(lastingTemporaryName(nameOf(path)));
    // Non-blocking, for what lies there may have been exchanged for a FIFO.
    const fd = openEntry(directory, name, flags | OPEN.nonBlocking);
    const { mode, links } = openStatus(fd);
    if ((mode & FILE_TYPE.mask) === FILE_TYPE.file && links === 1) return fd;
    closeFd(fd);
    throw new Error('The temporary file of the restore was exchanged.');
  }

  #write(fd: number, content: Buffer, offset: number, punch: boolean): void {
    const holes =
      this.#sparse && content.length >= MIN_HOLE_BYTES ? zeroRuns(content, offset, MIN_HOLE_BYTES) : [];
    let from = 0;
    for (const hole of holes) {
      const start = hole.offset - offset;
      writeAll(fd, content.subarray(from, start), offset + from);
      from = punch && !punchHole(fd, hole) ? start : start + hole.lengthBytes;
    }
    writeAll(fd, content.subarray(from), offset + from);
  }
}

function writeAll(fd: number, content: Buffer, offset: number): void {
  for (let done = 0; done < content.length;) {
    const rest = done === 0 ? content : content.subarray(done);
    done += checked(libc().pwrite(fd, rest, rest.length, offset + done), 'pwrite');
  }
}

function removeIfAny(directory: number, name: string): void {
  const bytes = bytesOf(name);
  if (entryStatusIfAny(bytes, directory) === undefined) return;
  try {
    removeEntry(directory, bytes);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
}
