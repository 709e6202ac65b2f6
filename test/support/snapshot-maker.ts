import { hash } from 'node:crypto';
import { BlobIndex } from '../../src/snapshot-engine/blob-index/blob-index.js';
import { BlobCipher } from '../../src/snapshot-engine/crypto/blob-cipher.js';
import { createMasterKey, type MasterKey } from '../../src/snapshot-engine/crypto/master-key.js';
import { PackWriter } from '../../src/snapshot-engine/pack/pack-writer.js';
import type { BlobType, PackedBlob } from '../../src/snapshot-engine/pack/packed-blob.js';
import type { RestorableSnapshot } from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import { MemoryRepositoryFiles, MemoryRepositoryStore } from './memory-repository-files.js';

/** A node as it stands in a tree's JSON: anything can be said here, also what no archiver of good will says. */
export type RawNode = Readonly<Record<string, unknown>>;

const TIME = '2020-02-02T02:02:02.123456789Z';

/** Makes repositories by hand, honest ones and hostile ones, without an archiver. */
export class SnapshotMaker {
  readonly masterKey: MasterKey;
  readonly store = new MemoryRepositoryStore();
  readonly files = new MemoryRepositoryFiles(this.store);
  readonly index = new BlobIndex();
  readonly #writers: Record<BlobType, PackWriter>;
  readonly #known = new Set<string>();

  constructor(targetPackBytes?: number, masterKey: MasterKey = createMasterKey()) {
    this.masterKey = masterKey;
    const cipher = new BlobCipher(masterKey);
    this.#writers = {
      data: new PackWriter(cipher, targetPackBytes),
      tree: new PackWriter(cipher, targetPackBytes),
    };
  }

  /** Stores a blob and answers its id. */
  blob(type: BlobType, content: Uint8Array): string {
    const id = hash('sha256', content);
    if (this.#known.has(type + id)) return id;
    this.#known.add(type + id);
    const writer = this.#writers[type];
    writer.add(id, type, content);
    if (writer.isFull) this.#finishPack(writer);
    return id;
  }

  /** A file of these chunks; `more` may contradict them. */
  file(name: string, chunks: Uint8Array | readonly Uint8Array[], more: RawNode = {}): RawNode {
    const all = chunks instanceof Uint8Array ? [chunks] : chunks;
    const content = all.filter(({ length }) => length > 0).map((chunk) => this.blob('data', chunk));
    const size = all.reduce((sum, { length }) => sum + length, 0);
    return node(name, 'file', 0o644, { size, content, ...more });
  }

  dir(name: string, nodes: readonly RawNode[], more: RawNode = {}): RawNode {
    return node(name, 'dir', 2 ** 31 + 0o755, { subtree: this.tree(nodes), ...more });
  }

  symlink(name: string, linktarget: string, more: RawNode = {}): RawNode {
    return node(name, 'symlink', 2 ** 27 + 0o777, { linktarget, ...more });
  }

  special(
    name: string,
    type: 'fifo' | 'socket' | 'dev' | 'chardev' | 'irregular',
    more: RawNode = {},
  ): RawNode {
    return node(name, type, 0o666, { device: 259, ...more });
  }

  /** The nodes are stored as they are given, in their order. */
  tree(nodes: readonly RawNode[]): string {
    return this.blob('tree', Buffer.from(`${JSON.stringify({ nodes })}\n`));
  }

  /** Stores what is left; `alter` lets the index tell something else than the truth. */
  snapshot(
    rootNodes: readonly RawNode[] | string,
    alter?: (blobs: readonly PackedBlob[]) => readonly PackedBlob[],
  ): RestorableSnapshot {
    const tree = typeof rootNodes === 'string' ? rootNodes : this.tree(rootNodes);
    for (const writer of Object.values(this.#writers))
      if (writer.blobCount > 0) this.#finishPack(writer, alter);
    return { id: hash('sha256', tree), tree };
  }

  #finishPack(writer: PackWriter, alter?: (blobs: readonly PackedBlob[]) => readonly PackedBlob[]): void {
    const { id, bytes, blobs } = writer.finish();
    this.store.put('pack', id, Buffer.from(bytes), new Date(0));
    this.index.add(id, alter?.(blobs) ?? blobs, { saved: true });
  }
}

export function node(name: string, type: string, mode: number, more: RawNode = {}): RawNode {
  return { name, type, mode, mtime: TIME, atime: TIME, ctime: TIME, uid: 0, gid: 0, content: null, ...more };
}
