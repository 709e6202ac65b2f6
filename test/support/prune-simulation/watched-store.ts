import { parseIndexFile } from '../../../src/snapshot-engine/blob-index/index-file.js';
import { decompressFile } from '../../../src/snapshot-engine/compression/file-compression.js';
import { readPackHeader } from '../../../src/snapshot-engine/pack/pack-header.js';
import type { RepositoryFileKind } from '../../../src/snapshot-engine/repository/repository-files.js';
import { MemoryRepositoryStore } from '../memory-repository-store.js';
import type { PlainCipher } from './plain-cipher.js';

/** `type id` of a blob. */
export type BlobName = string;

/**
 * A bucket that knows at every moment which blobs can be found in it, and complains as soon as one is lost that a
 * committed snapshot needs: its last pack gone, or the last index that names a pack with it.
 */
export class WatchedStore extends MemoryRepositoryStore {
  readonly losses: string[] = [];
  readonly #cipher: PlainCipher;
  readonly #committed = new Map<string, ReadonlySet<BlobName>>();
  readonly #needed = new Map<BlobName, number>();
  readonly #blobsOf = new Map<string, readonly BlobName[]>();
  readonly #packsOf = new Map<BlobName, Set<string>>();
  readonly #namedBy = new Map<string, readonly string[]>();
  readonly #indexesOf = new Map<string, Set<string>>();

  constructor(cipher: PlainCipher) {
    super();
    this.#cipher = cipher;
  }

  get committed(): ReadonlyMap<string, ReadonlySet<BlobName>> {
    return this.#committed;
  }

  /** A writer has been told that its snapshot stands. */
  commit(snapshotId: string, blobs: ReadonlySet<BlobName>): void {
    this.#committed.set(snapshotId, blobs);
    for (const blob of blobs) {
      this.#needed.set(blob, (this.#needed.get(blob) ?? 0) + 1);
      this.#assertFindable(blob, `committing ${snapshotId}`);
    }
    if (!this.has('snapshot', snapshotId))
      this.losses.push(`The committed snapshot ${snapshotId} is not there.`);
  }

  /** Somebody has decided to remove it. */
  forget(snapshotId: string): void {
    for (const blob of this.#committed.get(snapshotId) ?? [])
      this.#needed.set(blob, this.#needed.get(blob)! - 1);
    this.#committed.delete(snapshotId);
  }

  override put(kind: RepositoryFileKind, id: string, bytes: Buffer, lastModified: Date): void {
    super.put(kind, id, bytes, lastModified);
    if (kind === 'pack') this.#learnPack(id, bytes);
    if (kind === 'index') this.#learnIndex(id, bytes);
  }

  override delete(kind: RepositoryFileKind, id: string): boolean {
    const existed = super.delete(kind, id);
    if (!existed) return false;
    if (kind === 'pack') {
      for (const blob of this.#blobsOf.get(id)!) this.#packsOf.get(blob)!.delete(id);
      for (const blob of this.#blobsOf.get(id)!) this.#assertFindable(blob, `removing pack ${id}`);
    }
    if (kind === 'index') {
      for (const pack of this.#namedBy.get(id)!) this.#indexesOf.get(pack)!.delete(id);
      for (const pack of this.#namedBy.get(id)!) {
        for (const blob of this.#blobsOf.get(pack) ?? []) this.#assertFindable(blob, `removing index ${id}`);
      }
    }
    if (kind === 'snapshot' && this.#committed.has(id))
      this.losses.push(`Snapshot ${id} was removed by nobody.`);
    return true;
  }

  #learnPack(id: string, bytes: Buffer): void {
    const names = readPackHeader(this.#cipher, bytes, id).blobs.map((blob) => `${blob.type} ${blob.id}`);
    this.#blobsOf.set(id, names);
    for (const name of names) addTo(this.#packsOf, name, id);
  }

  #learnIndex(id: string, bytes: Buffer): void {
    const json = decompressFile(this.#cipher.open(bytes, id), id);
    const packs: string[] = [];
    for (const pack of parseIndexFile(json, id)) if (pack) packs.push(pack.id);
    this.#namedBy.set(id, packs);
    for (const pack of packs) addTo(this.#indexesOf, pack, id);
  }

  #assertFindable(blob: BlobName, when: string): void {
    if (!this.#needed.get(blob)) return;
    for (const pack of this.#packsOf.get(blob) ?? []) if (this.#indexesOf.get(pack)?.size) return;
    const what = this.#packsOf.get(blob)?.size ? 'is in no index' : 'is in no pack';
    this.losses.push(`${blob} ${what} after ${when}.`);
  }
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
