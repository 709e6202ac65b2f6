import { zstdDecompressSync } from 'node:zlib';
import { RepositoryError } from '../errors/repository-error.js';
import type { EntryStatus } from '../filesystem/entry-status.js';
import type { Node } from '../snapshot/node.js';
import { decodeTree } from '../snapshot/tree.js';
import { isRacy } from './file-reading.js';
import type { PreviousTree } from './turn.js';

/** A tree that is longer is not one of ours. */
const MAX_TREE_BYTES = 1_024 * 1_024 * 1_024;

/** The nodes that a directory had in the previous snapshot. */
export class PreviousNodes {
  readonly nodes: readonly Node[];
  readonly #byName: ReadonlyMap<string, Node>;
  readonly #trustedBeforeNs: bigint;

  constructor(previous: PreviousTree | undefined) {
    this.nodes = previous === undefined ? [] : nodesOf(previous);
    this.#byName = new Map(this.nodes.map((node) => [node.name.toString('latin1'), node]));
    this.#trustedBeforeNs = previous?.trustedBeforeNs ?? 0n;
  }

  get(name: Buffer): Node | undefined {
    return this.#byName.size === 0 ? undefined : this.#byName.get(name.toString('latin1'));
  }

  /** What the file consisted of, when nothing has touched it since; by restic's marks: times, size and inode. */
  unchangedContent(node: Node | undefined, status: EntryStatus): readonly string[] | undefined {
    if (node?.type !== 'file' || node.content === undefined || node.error !== undefined) return undefined;
    const same =
      (node.sizeBytes ?? 0) === status.sizeBytes &&
      node.mtimeNs === status.mtimeNs &&
      node.ctimeNs === status.ctimeNs &&
      node.inode === status.inode;
    return same && !isRacy(status, this.#trustedBeforeNs) ? node.content : undefined;
  }
}

/** A tree that cannot be understood is as good as none: everything is read. */
function nodesOf(previous: PreviousTree): readonly Node[] {
  try {
    return decodeTree(bytesOf(previous), 'The previous tree');
  } catch (error) {
    if (error instanceof RepositoryError) return [];
    throw error;
  }
}

function bytesOf({ bytes, compressed }: PreviousTree): Buffer {
  if (!compressed) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return zstdDecompressSync(bytes, { maxOutputLength: MAX_TREE_BYTES });
}
