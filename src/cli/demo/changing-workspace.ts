import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** One state that a file had, and since when. */
interface FileVersion {
  readonly atMs: number;
  readonly sha256: string;
}

/** What a tree that came back is worth. */
export interface Comparison {
  readonly files: number;
  readonly bytes: number;
  /** Since when something that was written is missing, and how much of it. */
  readonly firstLostMs: number | undefined;
  readonly lostWrites: number;
}

const FILES = 1_200;
const FILE_BYTES = 40 * 1_024;
const WRITES_A_SECOND = 14;

/**
 * A folder that changes all the time, as a training run's does, and that remembers every state of every file. Files are
 * replaced by renaming, so that each has one of these states at any moment.
 */
export class ChangingWorkspace {
  readonly #versions = new Map<string, FileVersion[]>();
  #timer: NodeJS.Timeout | undefined;

  readonly #files: number;

  constructor(
    readonly path: string,
    { files = FILES }: { readonly files?: number } = {},
  ) {
    this.#files = files;
  }

  /** Writes all files once; answers what was written, in words. */
  fill(): string {
    for (let index = 0; index < this.#files; index++) this.#write(nameOf(index));
    return `${this.#files} files, ${((this.#files * FILE_BYTES) / 1_024 / 1_024).toFixed(0)} MiB`;
  }

  startChanging(): void {
    this.#timer = setInterval(() => this.#change(), 1_000 / WRITES_A_SECOND);
  }

  stopChanging(): void {
    clearInterval(this.#timer);
  }

  /**
   * Compares a copy with what was written here.
   * @throws Error for a file that is missing, has a content that was never written, or was never here
   */
  compare(copy: string): Comparison {
    const found = new Set(filesBelow(copy));
    let [bytes, lostWrites, firstLostMs] = [0, 0, Infinity];
    for (const [name, versions] of this.#versions) {
      if (!found.delete(name)) throw new Error(`${name} did not come back.`);
      const content = readFileSync(join(copy, name));
      const at = versions.findLastIndex(({ sha256 }) => sha256 === sha256Of(content));
      if (at < 0) throw new Error(`${name} came back with bytes that were never written.`);
      bytes += content.length;
      const lost = versions.slice(at + 1);
      lostWrites += lost.length;
      firstLostMs = Math.min(firstLostMs, lost[0]?.atMs ?? Infinity);
    }
    for (const name of found) throw new Error(`${name} came back and was never there.`);
    return {
      files: this.#versions.size,
      bytes,
      lostWrites,
      firstLostMs: lostWrites > 0 ? firstLostMs : undefined,
    };
  }

  #change(): void {
    this.#write(nameOf(Math.floor(Math.random() * this.#files)));
  }

  #write(name: string): void {
    const content = randomBytes(FILE_BYTES);
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    // Outside of the tree: a temporary file in it would be one of its files.
    const temporary = `${this.path}.next`;
    writeFileSync(temporary, content);
    renameSync(temporary, path);
    const versions = this.#versions.get(name) ?? [];
    versions.push({ atMs: performance.now(), sha256: sha256Of(content) });
    this.#versions.set(name, versions);
  }
}

function nameOf(index: number): string {
  return `epoch-${String(index % 12).padStart(2, '0')}/part-${String(index).padStart(4, '0')}.bin`;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
