import type { Node } from '../snapshot/node.js';
import { compareNames } from '../snapshot/tree.js';
import { TreeText } from '../snapshot/tree-text.js';
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

  constructor(previous: PreviousTree, { names, content }: PartialLook) {
    this.#bytes = previousText(previous);
    this.#text = new TreeText(this.#bytes);
    this.names = names.map((name) => Buffer.from(name, 'latin1')).sort(compareNames);
    const nodes = this.names.flatMap((name) => this.node(name) ?? []);
    this.previous = new PreviousNodes(nodes, previous.trustedBeforeNs);
    this.untouched = nodes.reduce(without, content);
  }

  /** Of any entry of the previous tree. */
  node(name: Buffer): Node | undefined {
    return this.#text.nodeAt(this.#text.find(name));
  }

  /** The new tree, of one encoded node for each of `names`, or none. The patch is of no use afterwards. */
  apply(encoded: readonly (string | undefined)[]): Buffer {
    const changes = this.names.map((name, i) => ({ place: this.#text.find(name), node: encoded[i] }));
    const tree = this.#text.with(changes);
    releaseMemory(this.#bytes);
    return tree;
  }
}

function without({ files, sizeBytes }: FileTotals, { type, sizeBytes: nodeBytes = 0 }: Node): FileTotals {
  return type === 'file' ? { files: files - 1, sizeBytes: sizeBytes - nodeBytes } : { files, sizeBytes };
}
