import { SEALED_OVERHEAD_BYTES } from '../crypto/blob-cipher.js';
import type { BlobType, PackedBlob } from '../pack/packed-blob.js';
import { RepositoryError } from '../errors/repository-error.js';
import { IdScratch } from './blob-id.js';
import { IdRows, KIND_WORD, ROWS_PER_SEGMENT, wordOf } from './id-rows.js';

/** A blob and the pack that it lies in. */
export interface BlobLocation extends PackedBlob {
  readonly packId: string;
}

/** A pack as the index knows it. `blobs` reads the index when it is called. */
export interface IndexedPack {
  readonly id: string;
  readonly blobCount: number;
  /** Where the last blob ends: the size of the pack without its header. */
  readonly blobBytes: number;
  /** Ascending by offset. */
  blobs(): PackedBlob[];
}

/** 2 GiB of memory; more is taken for an attack on it. */
const MAX_BLOBS = 2 ** 25;

/** Words of a blob's row behind its id: pack number and type (lowest bit), offset, length, plaintext length. */
const OFFSET_WORD = KIND_WORD + 1;
const LENGTH_WORD = KIND_WORD + 2;
const UNCOMPRESSED_WORD = KIND_WORD + 3;
/** Words of a pack's row behind its id: state, first row, number of rows. */
const STATE_WORD = KIND_WORD;
const FIRST_WORD = KIND_WORD + 1;
const COUNT_WORD = KIND_WORD + 2;

const LIVE = 2;
const REMOVED = 0;
const DEAD_ROW = 0xffff_ffff;
const PACK_KIND = 0;
const DATA_KIND = 0;
const TREE_KIND = 1;

/** Living rows are moved together when more than this part of all rows is dead. */
const MAX_DEAD = 1 / 4;

/**
 * Which blob lies in which pack. About 55 bytes a blob, 59 at most, in typed arrays. The blobs of a pack are
 * neighbours, so packs cost nothing but a row of their own. A blob may lie in several packs; data and tree blobs with
 * the same id are different blobs. For one thread; no method takes long for packs of the usual size.
 */
export class BlobIndex {
  /** Ids of the index files that it was loaded from or saved to. */
  readonly files = new Set<string>();
  readonly #blobs = new IdRows();
  readonly #packs = new IdRows();
  readonly #scratch = new IdScratch();
  /** Further rows of blobs that lie in more than one pack, by `nameOf`. Few, unless somebody means harm. */
  readonly #copies = new Map<string, Set<number>>();
  readonly #unsaved = new Set<number>();
  readonly #freePackRows: number[] = [];
  /** By segment. */
  readonly #deadRows: number[] = [];
  #deadCount = 0;
  #blobCount = 0;
  #packCount = 0;

  /** Blobs in packs; one that lies in two packs counts twice. */
  get blobCount(): number {
    return this.#blobCount;
  }

  get packCount(): number {
    return this.#packCount;
  }

  /** Memory held in typed arrays, in bytes. */
  get heldBytes(): number {
    return this.#blobs.heldBytes + this.#packs.heldBytes;
  }

  /**
   * Learns what a pack holds. Blobs that are known of that pack change nothing; others are added to it.
   * `saved`: an index file in the repository lists them.
   */
  add(packId: string, blobs: readonly PackedBlob[], { saved = false }: { saved?: boolean } = {}): void {
    const known = this.#packRow(packId);
    if (known !== -1) return this.#addToKnown(packId, known, blobs, saved);
    if (this.#blobCount + blobs.length > MAX_BLOBS) {
      throw new RepositoryError('unsafe_repository', `The index lists more than ${MAX_BLOBS} blobs.`);
    }
    for (const { id } of blobs) this.#assertId(id);
    this.#assertId(packId);
    const pack = this.#newPackRow();
    this.#packs.put(pack, this.#scratch.words, LIVE, this.#blobs.rowEnd, blobs.length, 0);
    this.#packs.link(pack);
    this.#packCount += 1;
    for (const blob of inOrder(blobs)) this.#addBlob(pack, blob);
    if (!saved) this.#unsaved.add(pack);
  }

  has(type: BlobType, id: string): boolean {
    return this.#blobRow(type, id) !== -1;
  }

  /** One place where the blob lies. */
  find(type: BlobType, id: string): BlobLocation | undefined {
    const row = this.#blobRow(type, id);
    return row === -1 ? undefined : this.#locationOf(row);
  }

  /** All places where the blob lies. */
  findAll(type: BlobType, id: string): BlobLocation[] {
    const row = this.#blobRow(type, id);
    if (row === -1) return [];
    const copies = this.#copies.size > 0 ? this.#copies.get(nameOf(type, id)) : undefined;
    return [row, ...(copies ?? [])].map((each) => this.#locationOf(each));
  }

  /**
   * A number of the blob, the same for all its copies, for sets of blobs as bits; -1 when it is unknown. Holds until a
   * pack is removed.
   */
  rowOf(type: BlobType, id: string): number {
    return this.#blobRow(type, id);
  }

  /** Bytes of the plaintext of the blob that `rowOf` numbered. */
  plaintextBytesOf(row: number): number {
    const segment = this.#blobs.segmentOf(row);
    const start = wordOf(row);
    return segment[start + UNCOMPRESSED_WORD]! || segment[start + LENGTH_WORD]! - SEALED_OVERHEAD_BYTES;
  }

  /**
   * Data blobs whose copies are said to have plaintexts of different lengths, which no two copies of a blob can have.
   * Costs what copies there are, mostly nothing.
   */
  disputedData(): Set<string> {
    const disputed = new Set<string>();
    for (const copies of this.#copies.values()) {
      const { type, id } = this.#blobOf(firstOf(copies));
      if (type !== 'data') continue;
      const lengthBytes = this.plaintextBytesOf(this.#blobRow(type, id));
      for (const row of copies) if (this.plaintextBytesOf(row) !== lengthBytes) disputed.add(id);
    }
    return disputed;
  }

  hasPack(packId: string): boolean {
    return this.#packRow(packId) !== -1;
  }

  pack(packId: string): IndexedPack | undefined {
    const pack = this.#packRow(packId);
    return pack === -1 ? undefined : this.#indexedPack(pack);
  }

  /** All packs. Packs that are removed meanwhile are left out, packs that are added may be. */
  *packs(): IterableIterator<IndexedPack> {
    for (let pack = 0; pack < this.#packs.rowEnd; pack += 1) {
      if (this.#packs.word(pack, STATE_WORD) === LIVE) yield this.#indexedPack(pack);
    }
  }

  /** Packs that no index file lists yet. */
  unsavedPacks(): IndexedPack[] {
    return Array.from(this.#unsaved, (pack) => this.#indexedPack(pack));
  }

  /** An index file that lists these packs is durable. */
  markSaved(packIds: Iterable<string>): void {
    for (const packId of packIds) this.#unsaved.delete(this.#packRow(packId));
  }

  /** Forgets a pack; its blobs are found in other packs or not at all. Answers whether it was known. */
  removePack(packId: string): boolean {
    const pack = this.#packRow(packId);
    if (pack === -1) return false;
    const first = this.#packs.word(pack, FIRST_WORD);
    const end = first + this.#packs.word(pack, COUNT_WORD);
    for (let row = first; row < end; row += 1) this.#removeBlob(row);
    this.#packs.unlink(pack);
    this.#packs.setWord(pack, STATE_WORD, REMOVED);
    this.#freePackRows.push(pack);
    this.#unsaved.delete(pack);
    this.#packCount -= 1;
    this.#tidy();
    return true;
  }

  #addBlob(pack: number, { id, type, offset, lengthBytes, uncompressedBytes }: PackedBlob): void {
    this.#assertId(id);
    const words = this.#scratch.words;
    const kind = kindOf(type);
    const existing = this.#blobs.find(words, kind);
    const row = this.#blobs.reserve();
    this.#blobs.put(row, words, pack * 2 + kind, offset, lengthBytes, uncompressedBytes);
    this.#blobCount += 1;
    if (existing === -1) return this.#blobs.link(row);
    const name = nameOf(type, id);
    const copies = this.#copies.get(name);
    if (copies === undefined) this.#copies.set(name, new Set([row]));
    else copies.add(row);
  }

  #addToKnown(packId: string, pack: number, blobs: readonly PackedBlob[], saved: boolean): void {
    const known = this.#indexedPack(pack).blobs();
    const names = new Set(known.map(placeOf));
    const more = blobs.filter((blob) => !names.has(placeOf(blob)));
    if (saved && more.length === 0) this.#unsaved.delete(pack);
    if (more.length === 0) return;
    const wasSaved = !this.#unsaved.has(pack);
    this.removePack(packId);
    this.add(packId, [...known, ...more], { saved: saved && wasSaved });
  }

  #removeBlob(row: number): void {
    const name = this.#copies.size > 0 ? this.#nameOfRow(row) : '';
    const copies = this.#copies.get(name);
    if (copies === undefined) {
      this.#blobs.unlink(row);
    } else if (!copies.delete(row)) {
      const heir = firstOf(copies);
      this.#blobs.relink(row, heir);
      copies.delete(heir);
    }
    if (copies?.size === 0) this.#copies.delete(name);
    this.#kill(row);
    this.#blobCount -= 1;
  }

  /** Marks a row that nothing leads to any more, and gives back its segment when all of it is dead. */
  #kill(row: number): void {
    const segment = Math.floor(row / ROWS_PER_SEGMENT);
    const dead = (this.#deadRows[segment] ?? 0) + 1;
    this.#blobs.setWord(row, KIND_WORD, DEAD_ROW);
    this.#deadCount += 1;
    this.#deadRows[segment] = dead;
    if (dead < ROWS_PER_SEGMENT) return;
    this.#blobs.dropSegment(segment);
    this.#deadRows[segment] = 0;
    this.#deadCount -= ROWS_PER_SEGMENT;
  }

  /** Moves what lives in the emptiest segment behind all other rows once too many rows are dead: one step a call. */
  #tidy(): void {
    if (this.#deadCount <= (this.#blobCount + this.#deadCount) * MAX_DEAD) return;
    const last = Math.floor(this.#blobs.rowEnd / ROWS_PER_SEGMENT);
    let emptiest = -1;
    for (let segment = 0; segment < last; segment += 1) {
      const dead = this.#deadRows[segment] ?? 0;
      if (dead > (this.#deadRows[emptiest] ?? 0)) emptiest = segment;
    }
    if (emptiest !== -1) for (const pack of this.#packsIn(emptiest)) this.#movePack(pack);
  }

  #packsIn(segment: number): Set<number> {
    const packs = new Set<number>();
    const first = segment * ROWS_PER_SEGMENT;
    for (let row = first; row < first + ROWS_PER_SEGMENT; row += 1) {
      const kind = this.#blobs.word(row, KIND_WORD);
      if (kind !== DEAD_ROW) packs.add(kind >>> 1);
    }
    return packs;
  }

  #movePack(pack: number): void {
    const first = this.#packs.word(pack, FIRST_WORD);
    const count = this.#packs.word(pack, COUNT_WORD);
    this.#packs.setWord(pack, FIRST_WORD, this.#blobs.rowEnd);
    for (let row = first; row < first + count; row += 1) {
      const copy = this.#blobs.copyToEnd(row);
      const copies = this.#copies.size > 0 ? this.#copies.get(this.#nameOfRow(row)) : undefined;
      if (copies?.delete(row)) copies.add(copy);
      else this.#blobs.relink(row, copy);
      this.#kill(row);
    }
  }

  /** The id is in the scratch then. */
  #assertId(id: string): void {
    if (!this.#scratch.parse(id))
      throw new TypeError('Blobs and packs are named by 64 lower-case hex digits.');
  }

  #newPackRow(): number {
    return this.#freePackRows.pop() ?? this.#packs.reserve();
  }

  #packRow(packId: string): number {
    return this.#scratch.parse(packId) ? this.#packs.find(this.#scratch.words, PACK_KIND) : -1;
  }

  #blobRow(type: BlobType, id: string): number {
    return this.#scratch.parse(id) ? this.#blobs.find(this.#scratch.words, kindOf(type)) : -1;
  }

  #indexedPack(pack: number): IndexedPack {
    const id = this.#scratch.format(this.#packs.segmentOf(pack), wordOf(pack));
    return {
      id,
      blobCount: this.#packs.word(pack, COUNT_WORD),
      blobBytes: this.#blobBytesOf(pack),
      blobs: () => this.#blobsOf(this.#packRow(id)),
    };
  }

  #blobBytesOf(pack: number): number {
    const last = this.#packs.word(pack, FIRST_WORD) + this.#packs.word(pack, COUNT_WORD) - 1;
    if (this.#packs.word(pack, COUNT_WORD) === 0) return 0;
    return this.#blobs.word(last, OFFSET_WORD) + this.#blobs.word(last, LENGTH_WORD);
  }

  #blobsOf(pack: number): PackedBlob[] {
    if (pack === -1) return [];
    const first = this.#packs.word(pack, FIRST_WORD);
    return Array.from({ length: this.#packs.word(pack, COUNT_WORD) }, (_, at) => this.#blobOf(first + at));
  }

  #blobOf(row: number): PackedBlob {
    const segment = this.#blobs.segmentOf(row);
    const start = wordOf(row);
    return {
      id: this.#scratch.format(segment, start),
      type: (segment[start + KIND_WORD]! & 1) === TREE_KIND ? 'tree' : 'data',
      offset: segment[start + OFFSET_WORD]!,
      lengthBytes: segment[start + LENGTH_WORD]!,
      uncompressedBytes: segment[start + UNCOMPRESSED_WORD]!,
    };
  }

  #locationOf(row: number): BlobLocation {
    const pack = this.#blobs.word(row, KIND_WORD) >>> 1;
    const packId = this.#scratch.format(this.#packs.segmentOf(pack), wordOf(pack));
    return { ...this.#blobOf(row), packId };
  }

  #nameOfRow(row: number): string {
    const { type, id } = this.#blobOf(row);
    return nameOf(type, id);
  }
}

/** Other programs list the blobs of a pack in any order; readers want them as they lie. */
function inOrder(blobs: readonly PackedBlob[]): readonly PackedBlob[] {
  const ordered = blobs.every((blob, at) => at === 0 || blobs[at - 1]!.offset <= blob.offset);
  return ordered ? blobs : blobs.toSorted((left, right) => left.offset - right.offset);
}

function kindOf(type: BlobType): number {
  return type === 'tree' ? TREE_KIND : DATA_KIND;
}

function nameOf(type: BlobType, id: string): string {
  return type + id;
}

function placeOf({ id, type, offset, lengthBytes, uncompressedBytes }: PackedBlob): string {
  return `${type}${id}${offset}/${lengthBytes}/${uncompressedBytes}`;
}

function firstOf(rows: ReadonlySet<number>): number {
  for (const row of rows) return row;
  throw new Error('The set is empty.');
}
