import type { BlobIndex, IndexedPack } from '../blob-index/blob-index.js';
import { LoopPacer } from '../blob-index/loop-pacer.js';
import type { BlobType, PackedBlob } from '../pack/packed-blob.js';
import { damageOfPack } from '../repository/bad-packs.js';
import { inParallel } from '../repository/in-parallel.js';
import type { RepositoryFileInfo } from '../repository/repository-files.js';
import { checkPack } from './check-packs.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { readSoundBlobs } from './sound-blobs.js';

/** Packs that are read from at the same time. */
const PACKS_AT_ONCE = 4;

export interface FalsePacksSource extends MaintainedRepository {
  readonly index: BlobIndex;
  readonly packs: ReadonlyMap<string, RepositoryFileInfo>;
  /** Only such a pack can be found false. */
  readonly isUnproven: (packId: string) => boolean;
  readonly signal?: AbortSignal;
}

/** Collects unproven packs of which an index says what is not so. */
export class FalsePacks {
  /** By pack, a sentence about what was found first. */
  readonly found = new Map<string, string>();
  bytesRead = 0;
  readonly #source: FalsePacksSource;
  /** Copies that were read already, well or badly. */
  readonly #read = new Set<string>();
  readonly #pacer = new LoopPacer();

  constructor(source: FalsePacksSource) {
    this.#source = source;
  }

  add(packId: string, message: string): void {
    if (this.#source.isUnproven(packId) && !this.found.has(packId)) this.found.set(packId, message);
  }

  /** Those that are not there, or not as long as what they are said to hold. StorageErrors. */
  async compareSizes(packIds: Iterable<string>): Promise<void> {
    const { index, packs } = this.#source;
    for (const id of packIds) {
      if (this.#pacer.isDue) await this.#pacer.rest();
      const pack = index.pack(id);
      if (pack === undefined) continue;
      const info = packs.get(id);
      // A list may lag behind what was just stored; an answer to a request for the pack itself does not.
      if (info === undefined && (await this.#exists(pack))) continue;
      checkPack(pack, info, ({ severity, message }) => {
        if (severity === 'error') this.add(id, message);
      });
    }
  }

  async #exists(pack: IndexedPack): Promise<boolean> {
    const { files, signal } = this.#source;
    const { offset, lengthBytes } = pack.blobs()[0]!;
    try {
      await files.load('pack', pack.id, { range: { offset, lengthBytes }, signal });
      return true;
    } catch (error) {
      if (damageOfPack(pack.id, error) === undefined) throw error;
      return false;
    }
  }

  /**
   * Reads what lies in one of these packs and in another one, in all its copies that are unproven, and then what lies in
   * the packs that this has found false, too. Stops before a pack once `maxBytes` are read. Answers the packs of which
   * everything of that kind is read. Rejects with StorageErrors.
   */
  async readCopies(packIds: Iterable<string>, maxBytes: number): Promise<string[]> {
    const done: string[] = [];
    const waiting = new Set([...packIds, ...this.found.keys()]);
    for (const id of waiting) {
      if (this.bytesRead >= maxBytes && !this.found.has(id)) continue;
      await this.#readCopiesIn(id);
      done.push(id);
      for (const known of this.found.keys()) waiting.add(known);
    }
    return done;
  }

  async #readCopiesIn(packId: string): Promise<void> {
    const wanted = new Map<string, PackedBlob[]>();
    for (const { type, id } of this.#source.index.pack(packId)?.blobs() ?? []) {
      if (this.#pacer.isDue) await this.#pacer.rest();
      for (const { packId: place, ...blob } of this.#unreadCopies(type, id)) {
        const inPack = wanted.get(place);
        if (inPack === undefined) wanted.set(place, [blob]);
        else inPack.push(blob);
      }
    }
    await inParallel(wanted, PACKS_AT_ONCE, ([place, blobs]) => this.#readSome(place, blobs));
  }

  #unreadCopies(type: BlobType, id: string) {
    const { index, isUnproven } = this.#source;
    const copies = index.findAll(type, id);
    if (copies.length < 2) return [];
    return copies.filter((copy) => {
      const name = `${copy.packId} ${copy.offset} ${type} ${id}`;
      if (!isUnproven(copy.packId) || this.found.has(copy.packId) || this.#read.has(name)) return false;
      this.#read.add(name);
      return true;
    });
  }

  async #readSome(packId: string, blobs: readonly PackedBlob[]): Promise<void> {
    const { damage } = await readSoundBlobs(this.#source, packId, blobs);
    this.bytesRead += blobs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    if (damage !== undefined) this.add(packId, damage);
  }
}
