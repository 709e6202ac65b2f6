import type { Node } from './node.js';
import { encodeNode } from './node-encoder.js';

export { encodeNode } from './node-encoder.js';

/** A tree blob's plaintext. Sorts the nodes by the bytes of their names; two of one name are a caller's mistake. */
export function encodeTree(nodes: readonly Node[]): Buffer {
  const sorted = nodes.toSorted((a, b) => a.name.compare(b.name));
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i]!.name.equals(sorted[i - 1]!.name)) {
      throw new TypeError(`Two nodes of one tree are called ${sorted[i]!.name.toString()}.`);
    }
  }
  return treeOf(sorted.map(encodeNode));
}

/** Characters that become bytes in one go: a tree may be longer than a string can be. */
const PIECE_CHARACTERS = 4 * 1_024 * 1_024;

/** A tree blob's plaintext of what `encodeNode` made, which must be in the order of the names' bytes. */
export function treeOf(encodedNodes: Iterable<string>): Buffer {
  const pieces: Buffer[] = [];
  let piece = '{"nodes":[';
  let separator = '';
  for (const node of encodedNodes) {
    piece += separator + node;
    separator = ',';
    if (piece.length < PIECE_CHARACTERS) continue;
    pieces.push(Buffer.from(piece));
    piece = '';
  }
  // Go's encoder ends what it writes with a newline, which is hashed too.
  pieces.push(Buffer.from(`${piece}]}\n`));
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
