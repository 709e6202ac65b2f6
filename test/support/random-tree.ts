import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  symlinkSync,
  writeSync,
  ftruncateSync,
  readFileSync,
} from 'node:fs';
import { writeAttribute } from '../../src/snapshot-engine/filesystem/extended-attributes.js';
import { setTimes } from '../../src/snapshot-engine/filesystem/file-times.js';
import { createSpecialFile } from '../../src/snapshot-engine/filesystem/special-files.js';
import { makeDevice } from '../../src/snapshot-engine/filesystem/entry-status.js';
import { noise } from './noise.js';
import { SeededRandom } from './seeded-random.js';

export { describeTree } from './described-tree.js';

export interface RandomTreeOptions {
  /** Files, directories, links and so on; 40 unless told. */
  readonly entries?: number;
  /** Of the largest files; 3 MiB unless told. */
  readonly maxFileBytes?: number;
  /** FIFOs and, for root, devices. On unless told. */
  readonly specialFiles?: boolean;
  /** `user.*`; on unless told. */
  readonly extendedAttributes?: boolean;
  /** Names that are not UTF-8; on unless told. */
  readonly oddNames?: boolean;
  /** Link targets that are not UTF-8; off unless told: restic keeps them since 0.17 only. */
  readonly oddLinkTargets?: boolean;
}

/**
 * Fills the empty or absent `folder` with what backups stumble over, the same for the same seed: names with quotes,
 * line ends and invalid UTF-8, empty, sparse and repeating files, hard links, links to nowhere and to the root, FIFOs,
 * every kind of mode, attributes, times before 1970. For root also owners and devices; for others, all is readable.
 */
export function makeRandomTree(folder: string, seed: number | string, options: RandomTreeOptions = {}): void {
  new RandomTree(folder, seed, options).make();
}

const isRoot = process.getuid?.() === 0;
const NAMES = [
  'plain', 'with space', ' leading', 'trailing ', '.hidden', '..two-dots', '-dash', '--option', 'quote"d', "apostrophe'",
  'back\\slash', 'line\nend', 'tab\there', 'bell\u0007', 'del\u007f', 'emoji \u{1f389}', 'nbsp\u00a0here', 'e\u0301 decomposed',
  '\u00e9 composed', 'UPPER', 'upper', '\u200bzero width', 'right\u202eleft', 'line\u2028separator', '\ufeffbom', '\uffee',
  '\u{e000}private', '$HOME', '*', '?', '[a]', '{b}', '%2e%2e', 'CON', 'a:b', 'x'.repeat(240), 'öäü', '日本語', '\u0085next',
]; // prettier-ignore
const ODD_NAMES = [
  Buffer.from([0xff]),
  Buffer.from([0xc3, 0x28]),
  Buffer.from([0x61, 0xed, 0xa0, 0x80]),
  Buffer.from([0xf0, 0x9f, 0x62]),
  Buffer.from([0x80, 0x0a, 0x22, 0x5c]),
];
const SECOND = 1_000_000_000n;
const TIMES_NS = [
  0n, 1n, -1n, -SECOND - 1n, -1_000_000_007n * SECOND + 5n, 1_700_000_000n * SECOND, 1_700_000_000n * SECOND + 123_456_789n,
  1_650_000_000n * SECOND + 100_000_000n, 4_000_000_000n * SECOND + 999_999_999n, 951_782_400n * SECOND + 1_000n,
]; // prettier-ignore

interface Placed {
  readonly path: Buffer;
  readonly isDirectory: boolean;
}

class RandomTree {
  readonly #random: SeededRandom;
  readonly #options: Required<RandomTreeOptions>;
  readonly #directories: Buffer[];
  readonly #files: Buffer[] = [];
  /** What gets its metadata in the end. */
  readonly #placed: Placed[] = [];
  readonly #taken = new Set<string>();
  readonly #seed: number | string;
  #count = 0;

  constructor(folder: string, seed: number | string, options: RandomTreeOptions) {
    this.#random = new SeededRandom(seed);
    this.#seed = seed;
    this.#options = {
      entries: 40, maxFileBytes: 3 * 1_048_576, specialFiles: true, extendedAttributes: true, oddNames: true,
      oddLinkTargets: false, ...options,
    }; // prettier-ignore
    this.#directories = [Buffer.from(folder)];
    mkdirSync(folder, { recursive: true });
    this.#placed.push({ path: Buffer.from(folder), isDirectory: true });
  }

  make(): void {
    while (this.#count < this.#options.entries) this.#place();
    // Metadata from the inside out: what is made in a directory would change its time.
    for (const placed of this.#placed.reverse()) this.#dress(placed);
  }

  #place(): void {
    const path = this.#freshPath();
    const kind = this.#random.below(100);
    if (kind < 18) this.#makeDirectory(path);
    else if (kind < 70) this.#makeFile(path);
    else if (kind < 82) this.#makeSymlink(path);
    else if (kind < 92) this.#makeHardLink(path);
    else if (this.#options.specialFiles) this.#makeSpecial(path);
    else this.#makeFile(path);
  }

  #freshPath(): Buffer {
    const odd = this.#options.oddNames && this.#random.chance(15);
    const name = odd ? this.#random.pick(ODD_NAMES) : Buffer.from(this.#random.pick(NAMES));
    // A number keeps names apart that are taken twice.
    this.#count += 1;
    const number = this.#count < 15 ? Buffer.alloc(0) : Buffer.from(String(this.#count));
    const path = Buffer.concat([this.#random.pick(this.#directories), Buffer.from('/'), name, number]);
    const unique = this.#taken.has(path.toString('latin1'))
      ? Buffer.concat([path, Buffer.from(`~${this.#count}`)])
      : path;
    this.#taken.add(unique.toString('latin1'));
    return unique;
  }

  #makeDirectory(path: Buffer): void {
    mkdirSync(path);
    this.#directories.push(path);
    this.#placed.push({ path, isDirectory: true });
  }

  #makeFile(path: Buffer): void {
    const fd = openSync(path, 'wx');
    this.#fill(fd);
    closeSync(fd);
    this.#files.push(path);
    this.#placed.push({ path, isDirectory: false });
  }

  #fill(fd: number): void {
    const random = this.#random;
    const large = random.below(this.#options.maxFileBytes) + 1;
    const salt = `${this.#seed} ${random.below(1 << 30)}`;
    switch (random.below(8)) {
      case 0:
        return;
      case 1:
        return void writeSync(fd, noise(large, salt));
      case 2:
        return void writeSync(fd, Buffer.from('all the same line\n'.repeat(large / 18)));
      case 3: {
        // Data, a hole, data, a hole at the end.
        writeSync(fd, noise(random.below(9_000), salt));
        writeSync(fd, noise(5_000, salt), 0, 5_000, large);
        return ftruncateSync(fd, 2 * large + 1);
      }
      case 4:
        return this.#files.length === 0
          ? undefined
          : void writeSync(fd, readFileSync(random.pick(this.#files)));
      default:
        return void writeSync(fd, noise(random.below(6_000) + 1, salt));
    }
  }

  #makeSymlink(path: Buffer): void {
    const target = this.#random.pick<string | Buffer>([
      'nowhere', '/', '/etc/passwd', '..', '../../..', '.', 'a"b\\c', 'line\nend', './plain', 'x'.repeat(1_000), '日本',
      ...(this.#options.oddLinkTargets ? [Buffer.from([0xfe, 0x2f, 0xff])] : []),
    ]); // prettier-ignore
    symlinkSync(target, path);
    if (isRoot) lchownSync(path, this.#random.below(3_000), this.#random.below(3_000));
    this.#times(path);
  }

  #makeHardLink(path: Buffer): void {
    if (this.#files.length === 0) return this.#makeFile(path);
    linkSync(this.#random.pick(this.#files), path);
  }

  #makeSpecial(path: Buffer): void {
    const device = makeDevice(1, this.#random.pick([3, 5, 7]));
    const kind = isRoot
      ? this.#random.pick(['fifo', 'fifo', 'characterDevice', 'blockDevice'] as const)
      : ('fifo' as const);
    createSpecialFile(path, { kind, permissions: 0o600, ...(kind !== 'fifo' && { device }) });
    this.#placed.push({ path, isDirectory: false });
  }

  #dress({ path, isDirectory }: Placed): void {
    const random = this.#random;
    if (
      this.#options.extendedAttributes &&
      (isDirectory || this.#files.includes(path)) &&
      random.chance(30)
    ) {
      writeAttribute(path, 'user.empty', Buffer.alloc(0));
      writeAttribute(path, 'user.name with "quotes"', noise(random.below(200) + 1, random.below(1_000)));
    }
    if (isRoot && random.chance(40)) chownSync(path, random.below(3_000), random.below(70_000));
    chmodSync(path, this.#mode(isDirectory));
    this.#times(path);
  }

  #mode(isDirectory: boolean): number {
    const random = this.#random;
    const special = random.chance(20) ? random.pick([0o1000, 0o2000, 0o4000, 0o7000]) : 0;
    const permissions = random.chance(50) ? (isDirectory ? 0o755 : 0o644) : random.below(0o1000);
    return special | permissions | (isRoot ? 0 : isDirectory ? 0o700 : 0o400);
  }

  #times(path: Buffer): void {
    const mtime = this.#random.pick(TIMES_NS);
    setTimes(path, this.#random.pick(TIMES_NS), mtime);
  }
}
