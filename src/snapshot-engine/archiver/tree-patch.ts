import type { Node } from '../snapshot/node.js';
import { compareNames } from '../snapshot/tree.js';
import { TreeText, type NodePlace } from '../snapshot/tree-text.js';
import { releaseMemory } from '../workers/release-memory.js';
import { PreviousNodes, previousText } from './previous-nodes.js';
import type { FileTotals, PartialLook, PreviousTree } from './turn.js';

/** The tree of a directory of which only some entries are looked at; all others stay as the previous tree has them. */
export class TreePatch {
  /** Of the entries to look at, in their order. */
  readonly names: readonly Buffer[];
  /** Of these entries. */
  readonly previous: PreviousNodes;
  /** What stays. */
  readonly untouched: FileTotals;
  readonly #bytes: Buffer;
  readonly #text: TreeText;
  readonly #places: readonly NodePlace[];

  constructor(previous: PreviousTree, { names, content }: PartialLook) {
    this.#bytes = previousText(previous);
    this.#text = new TreeText(this.#bytes);
    this.names = names.map((name) => Buffer.from(name, 'latin1')).sort(compareNames);
    this.#places = this.names.map((name) => this.#text.find(name));
    const nodes = this.#places.flatMap((place) => this.#text.nodeAt(place) ?? []);
    this.previous = new PreviousNodes(nodes, previous.trustedBeforeNs);
    this.untouched = nodes.reduce(without, content);
  }

  /** Whether the previous tree has any entry of this name. */
  has(name: string): boolean {
    const { start, end } = this.#text.find(Buffer.from(name, 'latin1'));
    return start < end;
  }

  /** The new tree, of one encoded node for each of `names`, or none. The patch is of no use afterwards. */
  apply(encoded: readonly (string | undefined)[]): Buffer {
    const tree = this.#text.with(this.#places.map((place, i) => ({ place, node: encoded[i] })));
    releaseMemory(this.#bytes);
    return tree;
  }
}

function without({ files, sizeBytes }: FileTotals, { type, sizeBytes: nodeBytes = 0 }: Node): FileTotals {
  return type === 'file' ? { files: files - 1, sizeBytes: sizeBytes - nodeBytes } : { files, sizeBytes };
}
