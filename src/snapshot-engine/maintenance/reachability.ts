import type { BlobIndex } from '../blob-index/blob-index.js';
import { LoopPacer } from '../blob-index/loop-pacer.js';
import type { BlobCipher } from '../crypto/blob-cipher.js';
import { RepositoryError } from '../errors/repository-error.js';
import type { BlobType, PackedBlob } from '../pack/packed-blob.js';
import { readBlob } from '../pack/read-blob.js';
import { damageOfPack } from '../repository/bad-packs.js';
import type { RepositoryFiles } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import { nodesIn } from '../snapshot/tree.js';
import { packPieces, type PackPiece } from './pack-blobs.js';
import { RowBits } from './row-bits.js';

export interface ReachabilitySource {
  readonly files: RepositoryFiles;
  readonly cipher: BlobCipher;
  /** Must not lose packs during the walk. */
  readonly index: BlobIndex;
  readonly signal?: AbortSignal;
  /** Asked about every entry of a tree. */
  readonly onNode?: (node: Node, treeId: string) => void;
  /** Trees of which no copy can be read; without it the first one ends the walk. */
  readonly onUnreadable?: (tree: PackedBlob, message: string) => void;
  /** What is wrong within a tree that can be read; without it the first one ends the walk. */
  readonly onTreeProblem?: (problem: RepositoryError, treeId: string) => void;
}

/** A blob that no pack has, and the tree that needs it; `undefined`: a snapshot does. */
export interface MissingBlob {
  readonly type: BlobType;
  readonly id: string;
  readonly neededBy: string | undefined;
}

/** Packs that are read from at the same time. */
const PACKS_AT_ONCE = 8;

/** More is not worth counting. */
const MAX_MISSING = 10_000;

/**
 * Finds every blob that root trees need. Each tree is read once however many snapshots share it, and pack by pack, so
 * that few requests are made; one bit a blob is remembered.
 */
export class Reachability {
  readonly #source: ReachabilitySource;
  readonly #used = new RowBits();
  /** Trees that have been met and not read, by pack. */
  readonly #pending = new Map<string, PackedBlob[]>();
  /** Packs that are being read from: what is met in them meanwhile is mostly found in what has been read. */
  readonly #walking = new Set<string>();
  /** Packs in which a tree could not be read. */
  readonly #tried = new Map<string, Set<string>>();
  readonly #pacer = new LoopPacer();
  #missing: MissingBlob[] = [];

  constructor(source: ReachabilitySource) {
    this.#source = source;
  }

  /** Blobs met so far. */
  get usedCount(): number {
    return this.#used.count;
  }

  isUsed(type: BlobType, id: string): boolean {
    const row = this.#source.index.rowOf(type, id);
    return row !== -1 && this.#used.has(row);
  }

  /** Meets a blob; `walk` goes on from it if it is a tree. */
  meet(type: BlobType, id: string, neededBy?: string): void {
    const row = this.#source.index.rowOf(type, id);
    if (row === -1) {
      if (this.#missing.length < MAX_MISSING) this.#missing.push({ type, id, neededBy });
    } else if (this.#used.add(row) && type === 'tree') {
      const { packId, ...blob } = this.#source.index.find('tree', id)!;
      this.#await(packId, blob);
    }
  }

  /**
   * Reads all trees that have been met, and theirs. Throws RepositoryErrors of unreadable trees and StorageErrors.
   * Blobs that the index does not know are left for `takeMissing`.
   */
  async walk(): Promise<void> {
    const running = new Set<Promise<void>>();
    try {
      while (this.#pending.size > 0 || running.size > 0) {
        this.#source.signal?.throwIfAborted();
        for (const packId of this.#pending.keys()) {
          if (running.size === PACKS_AT_ONCE) break;
          if (this.#walking.has(packId)) continue;
          const task: Promise<void> = this.#walkPack(packId).finally(() => running.delete(task));
          running.add(task);
        }
        await Promise.race(running);
      }
    } finally {
      this.#pending.clear();
      await Promise.allSettled(running);
    }
  }

  /** What was missing since the last call. */
  takeMissing(): MissingBlob[] {
    return this.#missing.splice(0);
  }

  /** The trees that have been met in a pack, and what they lead to in the parts that have been read. */
  async #walkPack(packId: string): Promise<void> {
    const { files, signal } = this.#source;
    const blobs = this.#takePending(packId);
    const left = new Set(blobs);
    this.#walking.add(packId);
    try {
      for await (const piece of packPieces(files, packId, blobs, signal)) {
        for (const blob of piece.blobs) {
          left.delete(blob);
          await this.#open(packId, blob, piece.sealed(blob)!);
        }
        await this.#walkPiece(packId, piece);
      }
    } catch (error) {
      const damage = error instanceof RepositoryError ? undefined : damageOfPack(packId, error);
      if (damage === undefined) throw error;
      for (const blob of left) this.#tryElsewhere(packId, blob, damage);
    } finally {
      this.#walking.delete(packId);
    }
  }

  async #walkPiece(packId: string, piece: PackPiece): Promise<void> {
    for (let met = this.#takePending(packId); met.length > 0; met = this.#takePending(packId)) {
      const elsewhere: PackedBlob[] = [];
      for (const blob of met) {
        const sealed = piece.sealed(blob);
        if (sealed === undefined) elsewhere.push(blob);
        else await this.#open(packId, blob, sealed);
      }
      for (const blob of elsewhere) this.#await(packId, blob);
      if (elsewhere.length === met.length) return;
    }
  }

  #takePending(packId: string): PackedBlob[] {
    const pending = this.#pending.get(packId) ?? [];
    this.#pending.delete(packId);
    return pending;
  }

  #await(packId: string, blob: PackedBlob): void {
    const pending = this.#pending.get(packId);
    if (pending === undefined) this.#pending.set(packId, [blob]);
    else pending.push(blob);
  }

  async #open(packId: string, blob: PackedBlob, sealed: Buffer): Promise<void> {
    if (this.#pacer.isDue) await this.#pacer.rest();
    let bytes: Buffer;
    try {
      bytes = readBlob(this.#source.cipher, blob, sealed);
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      return this.#tryElsewhere(packId, blob, error);
    }
    this.#lookInto(blob.id, bytes);
  }

  /** The next copy of a tree that could not be read in one pack. */
  #tryElsewhere(packId: string, blob: PackedBlob, failure: RepositoryError): void {
    const tried = this.#tried.get(blob.id) ?? new Set();
    this.#tried.set(blob.id, tried.add(packId));
    const next = this.#source.index.findAll('tree', blob.id).find((copy) => !tried.has(copy.packId));
    if (next !== undefined) this.#await(next.packId, next);
    else if (this.#source.onUnreadable === undefined) throw failure;
    else this.#source.onUnreadable(blob, failure.message);
  }

  #lookInto(treeId: string, bytes: Buffer): void {
    const { onNode, onTreeProblem } = this.#source;
    const onProblem = onTreeProblem ? (problem: RepositoryError) => onTreeProblem(problem, treeId) : raise;
    for (const node of nodesIn(bytes, `Tree ${treeId}`, onProblem)) {
      for (const id of node.content ?? []) this.meet('data', id, treeId);
      if (node.subtree !== undefined) this.meet('tree', node.subtree, treeId);
      onNode?.(node, treeId);
    }
  }
}

function raise(problem: Error): never {
  throw problem;
}
