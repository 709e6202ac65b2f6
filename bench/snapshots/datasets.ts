import { createCipheriv } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** A directory to be stored, and what changes in it between two snapshots. */
export interface Dataset {
  readonly name: string;
  readonly what: string;
  /** Makes it in an empty folder, always alike. */
  make(folder: string): void;
  /** Changes a little of it; `turn` makes each time another change. */
  change(folder: string, turn: number): void;
}

const MIB = 1_024 * 1_024;
const CHANGED_FILES = 100;
const OVERWRITTEN_BYTES = MIB;

export const DATASETS: readonly Dataset[] = [
  {
    name: 'small',
    what: '100,000 files of 0.5 to 9 KB, text',
    make: (folder) => makeSmallFiles(folder, 100_000),
    change: (folder, turn) => appendToFiles(folder, turn),
  },
  {
    name: 'large',
    what: '8 x 512 MiB, half of it incompressible',
    make: (folder) => makeLargeFiles(folder, 8, 512 * MIB),
    change: (folder, turn) => overwrite(join(folder, 'file-3.bin'), 100 * MIB + turn * 7 * MIB),
  },
  {
    name: 'modules',
    what: 'the installed dependencies of this project',
    make: (folder) => cpSync(new URL('../../node_modules', import.meta.url), folder, COPY),
    change: (folder, turn) => appendToFiles(folder, turn),
  },
];

const COPY = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true } as const;

function makeSmallFiles(folder: string, count: number): void {
  const words = new Bytes('small files');
  const text = textOf(words, 4 * MIB);
  for (let at = 0; at < count; at += 1) {
    const parent = join(folder, `area-${at % 20}`, `topic-${Math.floor(at / 20) % 50}`);
    if (at < 1_000) mkdirSync(parent, { recursive: true });
    const sizeBytes = 500 + (words.number() % 8_220);
    const start = words.number() % (text.length - sizeBytes);
    writeFileSync(
      join(parent, `note-${at}.txt`),
      `${at}\n${text.toString('latin1', start, start + sizeBytes)}`,
    );
  }
}

function makeLargeFiles(folder: string, count: number, sizeBytes: number): void {
  const noise = new Bytes('large files');
  for (let file = 0; file < count; file += 1) {
    const descriptor = openSync(join(folder, `file-${file}.bin`), 'w');
    for (let written = 0; written < sizeBytes; written += 4 * MIB) {
      const compressible = (written / (4 * MIB)) % 2 === 1;
      writeSync(descriptor, compressible ? textOf(noise, 4 * MIB) : noise.take(4 * MIB));
    }
    closeSync(descriptor);
  }
}

/** Appends a line to files spread over the whole tree. */
function appendToFiles(folder: string, turn: number): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const step = Math.floor(files.length / CHANGED_FILES);
  for (let at = turn % step; at < step * CHANGED_FILES; at += step)
    appendFileSync(files[at]!, `turn ${turn}\n`);
}

function overwrite(path: string, position: number): void {
  const descriptor = openSync(path, 'r+');
  writeSync(
    descriptor,
    new Bytes(`overwrite ${position}`).take(OVERWRITTEN_BYTES),
    0,
    OVERWRITTEN_BYTES,
    position,
  );
  closeSync(descriptor);
}

/** Lines as programs write them: it compresses to about a third. */
function textOf(bytes: Bytes, sizeBytes: number): Buffer {
  const lines: string[] = [];
  for (let length = 0; length < sizeBytes;) {
    const level = ['info', 'warn', 'debug', 'error'][bytes.number() % 4]!;
    const line = `2026-11-${10 + (bytes.number() % 20)} ${level} request ${bytes.number().toString(16)} took ${bytes.number() % 900} ms at step ${bytes.number() % 50}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('').slice(0, sizeBytes));
}

/** Bytes that look random and are the same for the same name. */
class Bytes {
  readonly #cipher;
  #pool: Buffer = Buffer.alloc(0);

  constructor(name: string) {
    const key = Buffer.alloc(16);
    key.write(name);
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  }

  take(sizeBytes: number): Buffer {
    return this.#cipher.update(Buffer.alloc(sizeBytes));
  }

  number(): number {
    if (this.#pool.length < 4) this.#pool = this.take(16_384);
    const number = this.#pool.readUInt32LE(0);
    this.#pool = this.#pool.subarray(4);
    return number;
  }
}

/** Makes it unless it is there from an earlier run that was not cut short. */
export function prepared(dataset: Dataset, folder: string): string {
  const tree = join(folder, dataset.name);
  const complete = `${tree}.complete`;
  if (!existsSync(complete)) {
    rmSync(tree, { recursive: true, force: true });
    mkdirSync(tree, { recursive: true });
    dataset.make(tree);
    writeFileSync(complete, '');
  }
  return tree;
}

/** Bytes of all files below a folder. */
export function sizeOf(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += statSync(join(entry.parentPath, entry.name)).size;
  }
  return sum;
}
