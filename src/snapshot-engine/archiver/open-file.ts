import { openStatus, type EntryStatus } from '../filesystem/entry-status.js';
import { closeFd, openBeneath } from '../filesystem/open-beneath.js';
import { bufferOf, joinPath, type ArchiveContext } from './archive-context.js';
import { FileHoles } from './file-holes.js';
import { isRacy, isSameVersion, READING_FLAGS, readFully, withoutAccessTime } from './file-reading.js';
import { problemOf } from './found-problem.js';
import type { FileOrder } from './turn.js';
import type { TurnOutput } from './turn-output.js';

/** With less room a chunk might not end; the next turn has more. */
const MIN_WINDOW_BYTES = 4 * 1_024 * 1_024;
/** Chunks of a hole that one turn passes over. */
const MAX_ZERO_CHUNKS_PER_TURN = 16_384;
const ATTEMPTS = 2;

/** One large file on a worker: cut and hashed from front to back. */
export class OpenFile {
  readonly #id: number;
  readonly #path: Buffer;
  readonly #context: ArchiveContext;
  #fd: number | undefined;
  #status: EntryStatus | undefined;
  #holes: FileHoles | undefined;
  #content: string[] = [];
  #position = 0;
  #attempt = 1;

  constructor(order: FileOrder, context: ArchiveContext) {
    this.#id = order.id;
    this.#path = bufferOf(order.path);
    this.#context = context;
  }

  /** Reads what the turn has room for; `true` when the file is done. */
  step(output: TurnOutput): boolean {
    output.currentFile = this.#path;
    try {
      return this.#read(output) && this.#settle(output);
    } catch (error) {
      this.close();
      const problem = problemOf(error, joinPath(this.#context.rootPath, this.#path));
      if (this.#retry()) return false;
      output.problems.push(problem);
      output.files.push({ id: this.#id, failed: true, content: [], racy: true });
      return true;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeFd(this.#fd);
    this.#fd = undefined;
  }

  /** `true` at the end of the file. */
  #read(output: TurnOutput): boolean {
    this.#fd ??= this.#open();
    this.#passHoles(output);
    const { arena } = output;
    if (arena.free < MIN_WINDOW_BYTES) return false;
    const leftBytes = Math.max(0, this.#status!.sizeBytes - this.#position);
    // What has been added since is no part of this version; its new size shows at the end.
    const window = arena.memory.subarray(arena.used, arena.used + Math.min(arena.free, leftBytes));
    const bytes = readFully(this.#fd, window, this.#position);
    const atEnd = bytes < window.length || bytes === leftBytes;
    const cutBytes = this.#cut(window, bytes, atEnd, output);
    arena.used += cutBytes;
    this.#position += cutBytes;
    output.bytesDone += cutBytes;
    return atEnd && cutBytes === bytes;
  }

  /** Asks for the chunks that end in the window; answers where the last one ends. */
  #cut(window: Buffer, bytes: number, atEnd: boolean, output: TurnOutput): number {
    const { chunker } = this.#context;
    let start = 0;
    while (start < bytes) {
      const cut = chunker.nextCut(window, start, bytes);
      // A cut depends on nothing behind it; but the end of the window is none.
      if (cut === bytes && !atEnd) break;
      this.#content.push(output.askData(window.subarray(start, cut)));
      start = cut;
    }
    return start;
  }

  #passHoles(output: TurnOutput): void {
    const holeBytes = this.#holes!.bytesFrom(this.#position);
    if (holeBytes === 0) return;
    const { plaintext, id } = this.#context.zeros.get();
    const chunks = Math.min(Math.floor(holeBytes / plaintext.length), MAX_ZERO_CHUNKS_PER_TURN);
    if (chunks === 0) return;
    output.ask({ tree: false, id, plaintext });
    for (let chunk = 0; chunk < chunks; chunk += 1) this.#content.push(id);
    this.#position += chunks * plaintext.length;
    output.bytesDone += chunks * plaintext.length;
  }

  /** `false` to begin again: what was read belongs to two versions of the file. */
  #settle(output: TurnOutput): boolean {
    const status = this.#status!;
    const stable = isSameVersion(status, openStatus(this.#fd!)) && this.#position === status.sizeBytes;
    this.close();
    if (!stable && this.#retry()) return false;
    if (!stable) {
      output.problems.push({
        path: joinPath(this.#context.rootPath, this.#path),
        reason: 'changed_while_read',
      });
    }
    output.files.push({
      id: this.#id,
      content: this.#content,
      status: { ...status, sizeBytes: this.#position },
      racy: !stable || isRacy(status, this.#context.settledBeforeNs),
    });
    output.filesDone += 1;
    return true;
  }

  /** Begins again, if it has not been tried too often. */
  #retry(): boolean {
    if (this.#attempt >= ATTEMPTS) return false;
    this.#attempt += 1;
    this.#content = [];
    this.#position = 0;
    return true;
  }

  #open(): number {
    const fd = withoutAccessTime((extra) =>
      openBeneath(this.#context.root, this.#path, READING_FLAGS | extra),
    );
    this.#status = openStatus(fd);
    this.#holes = new FileHoles(fd, this.#status);
    return fd;
  }
}
