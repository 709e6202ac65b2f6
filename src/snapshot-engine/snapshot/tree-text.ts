import { JsonScanner } from './json-scanner.js';
import type { Node } from './node.js';
import { NodeDecoder } from './node-decoder.js';
import { compareNames } from './tree-decoder.js';

/** Where the node of a name stands, without commas; `end` is `start` where it would stand if there were one. */
export interface NodePlace {
  readonly start: number;
  readonly end: number;
}

export interface NodeChange {
  readonly place: NodePlace;
  /** What `encodeNode` made; `undefined` takes the node away. */
  readonly node: string | undefined;
}

const HEAD = Buffer.from('{"nodes":[');
const TAIL = Buffer.from(']}\n');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = Buffer.from(',');
/** A node begins so, an extended attribute too; inside of a string the quotes would stand behind a backslash. */
const START = Buffer.from('{"name":');
/** What follows the name of a node, and of nothing else. */
const AFTER_NAME = Buffer.from(',"type":');

/**
 * A tree as `treeOf` writes it, changed node by node: what is not asked for is neither decoded nor encoded, so that
 * the time grows with the changes and not with the tree. Only for texts of this program's own making.
 */
export class TreeText {
  readonly #bytes: Buffer;
  /** Behind the last node. */
  readonly #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length - TAIL.length;
  }

  /** Halves the text until the name is found: it is sorted, wherever one cuts it. */
  find(name: Uint8Array): NodePlace {
    let found = this.#end;
    for (let low = HEAD.length, high = this.#end; low < high;) {
      const middle = (low + high) >>> 1;
      const { start, name: there } = this.#nodeFrom(middle);
      const order = start >= high ? 1 : compareNames(there, name);
      if (order === 0) return { start, end: this.#endOf(start) };
      if (order < 0) low = start + 1;
      else {
        high = middle;
        if (start < found) found = start;
      }
    }
    return { start: found, end: found };
  }

  /** `undefined` where none stands. */
  nodeAt({ start, end }: NodePlace): Node | undefined {
    if (start === end) return undefined;
    return new NodeDecoder(new JsonScanner(this.#bytes.subarray(start, end))).read();
  }

  /** The text with other nodes; `changes` in the order of their names. */
  with(changes: readonly NodeChange[]): Buffer {
    const nodes: Buffer[] = [];
    let kept = HEAD.length;
    for (const { place, node } of changes) {
      nodes.push(this.#nodesBetween(kept, place.start));
      if (node !== undefined) nodes.push(Buffer.from(node));
      kept = place.end;
    }
    nodes.push(this.#nodesBetween(kept, this.#end));
    const separated = nodes.filter(({ length }) => length > 0).flatMap((node) => [COMMA, node]);
    return Buffer.concat([HEAD, ...separated.slice(1), TAIL]);
  }

  /** The first node that begins at `at` or behind it; there is none from `#end` on. */
  #nodeFrom(at: number): { readonly start: number; readonly name: Buffer } {
    const bytes = this.#bytes;
    for (let start = bytes.indexOf(START, at); start !== -1; start = bytes.indexOf(START, start + 1)) {
      const { name, end } = this.#nameAt(start + START.length);
      if (bytes.compare(AFTER_NAME, 0, AFTER_NAME.length, end, end + AFTER_NAME.length) === 0)
        return { start, name };
    }
    return { start: this.#end, name: Buffer.alloc(0) };
  }

  /** A name with its quotes, as it is where nothing in it is escaped. */
  #nameAt(quoteAt: number): { readonly name: Buffer; readonly end: number } {
    const end = this.#bytes.indexOf(QUOTE, quoteAt + 1);
    const name = this.#bytes.subarray(quoteAt + 1, end);
    if (!name.includes(BACKSLASH)) return { name, end: end + 1 };
    const json = new JsonScanner(this.#bytes.subarray(quoteAt));
    return { name: new NodeDecoder(json).readName(), end: quoteAt + json.offset };
  }

  #endOf(start: number): number {
    const next = this.#nodeFrom(start + 1).start;
    return next === this.#end ? next : next - COMMA.length;
  }

  /** Without the commas around. */
  #nodesBetween(from: number, to: number): Buffer {
    const start = from < to && this.#bytes[from] === COMMA[0] ? from + 1 : from;
    const end = start < to && this.#bytes[to - 1] === COMMA[0] ? to - 1 : to;
    return this.#bytes.subarray(start, end);
  }
}
