import { decompress } from '../compression/blob-compression.js';
import { RepositoryError } from '../errors/repository-error.js';
import type { EntryStatus } from '../filesystem/entry-status.js';
import type { Node } from '../snapshot/node.js';
import { decodeTree } from '../snapshot/tree.js';
import { isRacy } from './file-reading.js';
import type { PreviousTree } from './turn.js';

const SUBJECT = 'The previous tree';

/** Nodes that a directory had in the previous snapshot: all of them, or those that are asked for. */
export class PreviousNodes {
  readonly #byName: ReadonlyMap<string, Node>;
  readonly #trustedBeforeNs: bigint;

  constructor(nodes: readonly Node[], trustedBeforeNs: bigint) {
    this.#byName = new Map(nodes.map((node) => [node.name.toString('latin1'), node]));
    this.#trustedBeforeNs = trustedBeforeNs;
  }

  get count(): number {
    return this.#byName.size;
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
export function allPreviousNodes(previous: PreviousTree | undefined): PreviousNodes {
  if (previous === undefined) return new PreviousNodes([], 0n);
  try {
    const nodes = decodeTree(previousText(previous), SUBJECT);
    return new PreviousNodes(nodes, previous.trustedBeforeNs);
  } catch (error) {
    if (error instanceof RepositoryError) return new PreviousNodes([], 0n);
    throw error;
  }
}

/** The tree blob's plaintext. */
export function previousText({ bytes, uncompressedBytes }: PreviousTree): Buffer {
  if (uncompressedBytes !== undefined) return decompress(bytes, uncompressedBytes, SUBJECT);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
