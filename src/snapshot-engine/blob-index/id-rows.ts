import { randomFillSync } from 'node:crypto';
import { ID_WORDS } from './blob-id.js';

const { imul } = Math;

/** A row: an id and four words that belong to whoever keeps the rows. */
export const ROW_WORDS = ID_WORDS + 4;
/** The word behind the id; its lowest bit belongs to the key, so that one id can have two rows. */
export const KIND_WORD = ID_WORDS;

/** 1.5 MiB: rows are not moved by growth, only another segment is added. */
export const ROWS_PER_SEGMENT = 32_768;

/** The first segment begins with 24 KiB and quadruples, as most repositories are small. */
const FIRST_ROWS = 512;
const FIRST_GROWTH = 4;

/**
 * The hash table is many small ones, chosen by the hash's highest bits. Each grows alone, so that no growth takes
 * longer than the copying of a thousandth part.
 */
const SHARD_BITS = 10;
const FIRST_SLOTS = 16;
/** A shard doubles beyond this load: 5.3 to 10.7 bytes of slots a row. */
const MAX_LOAD = 3 / 4;

/**
 * Rows of 48 bytes in typed arrays, found by id through open addressing with linear probing. A key is an id and the
 * lowest bit of the next word. Ids come from strangers, so the hash is keyed at random: nobody can prepare ids that
 * collide.
 */
export class IdRows {
  readonly #segments: (Uint32Array | undefined)[] = [];
  readonly #shards: Uint32Array[] = Array.from({ length: 1 << SHARD_BITS }, () => NO_SLOTS);
  readonly #used = new Uint32Array(1 << SHARD_BITS);
  readonly #multipliers = randomFillSync(new Uint32Array(ID_WORDS + 1));
  #rowEnd = 0;

  /** Rows are numbered from 0 to this, exclusive. */
  get rowEnd(): number {
    return this.#rowEnd;
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    const rows = this.#segments.reduce((sum, segment) => sum + (segment?.byteLength ?? 0), 0);
    return this.#shards.reduce((sum, slots) => sum + slots.byteLength, rows);
  }

  word(row: number, at: number): number {
    return this.segmentOf(row)[wordOf(row) + at]!;
  }

  setWord(row: number, at: number, value: number): void {
    this.segmentOf(row)[wordOf(row) + at] = value;
  }

  /** The segment that a row lies in; the row begins at `wordOf(row)`. */
  segmentOf(row: number): Uint32Array {
    return this.#segments[(row / ROWS_PER_SEGMENT) >>> 0]!;
  }

  /** A new row behind all others, to be put. */
  reserve(): number {
    const row = this.#rowEnd;
    if (row % ROWS_PER_SEGMENT === 0)
      this.#segments.push(segmentOfRows(row === 0 ? FIRST_ROWS : ROWS_PER_SEGMENT));
    else if (row < ROWS_PER_SEGMENT) this.#growFirst(row);
    this.#rowEnd = row + 1;
    return row;
  }

  #growFirst(row: number): void {
    const first = this.#segments[0];
    if (first === undefined || row < first.length / ROW_WORDS) return;
    const larger = segmentOfRows(Math.min(FIRST_GROWTH * row, ROWS_PER_SEGMENT));
    larger.set(first);
    this.#segments[0] = larger;
  }

  /** Writes a row; `link` makes it findable. */
  put(row: number, id: Uint32Array, kind: number, a: number, b: number, c: number): void {
    const segment = this.segmentOf(row);
    const start = wordOf(row);
    for (let at = 0; at < ID_WORDS; at += 1) segment[start + at] = id[at]!;
    segment[start + KIND_WORD] = kind;
    segment[start + KIND_WORD + 1] = a;
    segment[start + KIND_WORD + 2] = b;
    segment[start + KIND_WORD + 3] = c;
  }

  /** A new row with the words of another. */
  copyToEnd(row: number): number {
    const copy = this.reserve();
    const start = wordOf(row);
    this.segmentOf(copy).set(this.segmentOf(row).subarray(start, start + ROW_WORDS), wordOf(copy));
    return copy;
  }

  /** Gives back the memory of a segment that holds no living row. */
  dropSegment(segment: number): void {
    this.#segments[segment] = undefined;
  }

  /** The linked row of an id, or -1. */
  find(id: Uint32Array, kindBit: number): number {
    const hash = this.#hash(id, 0, kindBit);
    const slots = this.#shards[hash >>> (32 - SHARD_BITS)]!;
    const mask = slots.length - 1;
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = slots[slot]! - 1;
      if (this.#hasKey(row, id, kindBit)) return row;
    }
    return -1;
  }

  /** Makes a row findable by its key. No other row with that key may be linked. */
  link(row: number): void {
    const hash = this.#hashOfRow(row);
    const shard = hash >>> (32 - SHARD_BITS);
    if (this.#used[shard]! + 1 > this.#shards[shard]!.length * MAX_LOAD) this.#grow(shard);
    place(this.#shards[shard]!, hash, row);
    this.#used[shard]! += 1;
  }

  /** Makes the key of a linked row lead to `other`, a row with the same key. */
  relink(row: number, other: number): void {
    const hash = this.#hashOfRow(row);
    const slots = this.#shards[hash >>> (32 - SHARD_BITS)]!;
    slots[this.#slotOf(slots, hash, row)] = other + 1;
  }

  /** Makes a linked row unfindable; rows that were displaced by it move up. */
  unlink(row: number): void {
    const hash = this.#hashOfRow(row);
    const shard = hash >>> (32 - SHARD_BITS);
    const slots = this.#shards[shard]!;
    const mask = slots.length - 1;
    let hole = this.#slotOf(slots, hash, row);
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashOfRow(slots[slot]! - 1) & mask;
      // Only a row whose search begins at or before the hole may fill it.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = 0;
    this.#used[shard]! -= 1;
  }

  #slotOf(slots: Uint32Array, hash: number, row: number): number {
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== row + 1) {
      if (slots[slot] === 0) throw new Error('The row was not linked.');
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(shard: number): void {
    const slots = this.#shards[shard]!;
    const larger = new Uint32Array(slots === NO_SLOTS ? FIRST_SLOTS : 2 * slots.length);
    for (const entry of slots) if (entry !== 0) place(larger, this.#hashOfRow(entry - 1), entry - 1);
    this.#shards[shard] = larger;
  }

  #hasKey(row: number, id: Uint32Array, kindBit: number): boolean {
    const segment = this.segmentOf(row);
    const start = wordOf(row);
    for (let at = 0; at < ID_WORDS; at += 1) if (segment[start + at] !== id[at]) return false;
    return (segment[start + KIND_WORD]! & 1) === kindBit;
  }

  #hashOfRow(row: number): number {
    const segment = this.segmentOf(row);
    const start = wordOf(row);
    return this.#hash(segment, start, segment[start + KIND_WORD]! & 1);
  }

  /** Multilinear hashing with random odd factors, then the finalizer of MurmurHash3 for the low bits. */
  #hash(words: Uint32Array, start: number, kindBit: number): number {
    const multipliers = this.#multipliers;
    let hash = multipliers[ID_WORDS]! + kindBit * 0x9e3779b9;
    for (let at = 0; at < ID_WORDS; at += 1) {
      const word = words[start + at]!;
      hash = imul(hash ^ word, multipliers[at]! | 1) ^ (hash >>> 15);
    }
    hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

/** The word in its segment at which a row begins. */
export function wordOf(row: number): number {
  return (row % ROWS_PER_SEGMENT) * ROW_WORDS;
}

function segmentOfRows(rows: number): Uint32Array {
  return new Uint32Array(rows * ROW_WORDS);
}

/** Of shards without rows: one empty slot, so that a search ends at once. */
const NO_SLOTS = new Uint32Array(1);

function place(slots: Uint32Array, hash: number, row: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = row + 1;
}
