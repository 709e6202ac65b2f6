import type { RepositoryError } from '../errors/repository-error.js';
import type { Node } from './node.js';
import { encodeNode } from './node-encoder.js';
import { compareNames, nodesIn, type ProblemListener } from './tree-decoder.js';

export { encodeNode } from './node-encoder.js';
export { compareNames, nodesIn, type ProblemListener } from './tree-decoder.js';

/** A tree blob's plaintext. Sorts the nodes by the bytes of their names; two of one name are a caller's mistake. */
export function encodeTree(nodes: readonly Node[]): Buffer {
  const sorted = nodes.toSorted((a, b) => compareNames(a.name, b.name));
  for (let i = 1; i < sorted.length; i++) {
    if (compareNames(sorted[i]!.name, sorted[i - 1]!.name) === 0) {
      throw new TypeError(`Two nodes of one tree are called ${sorted[i]!.name.toString()}.`);
    }
  }
  return treeOf(encoded(sorted));
}

function* encoded(nodes: readonly Node[]): Generator<string, void> {
  for (const node of nodes) yield encodeNode(node);
}

/** Characters that become bytes in one go: few enough to die young, and a tree may be longer than a string can be. */
const PIECE_CHARACTERS = 32 * 1_024;

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

/**
 * The nodes of a tree blob's plaintext. Throws the first problem: `damaged_repository` (no JSON, out of order,
 * duplicates, what a node needs is missing) or `unsafe_repository` (names that are no names).
 */
export function decodeTree(bytes: Uint8Array, subject: string): Node[] {
  return Array.from(nodesIn(bytes, subject, raise));
}

/** The same for those who want to know all problems: every node that can be read, whatever is wrong with it. */
export function inspectTree(bytes: Uint8Array, subject: string, onProblem: ProblemListener): Node[] {
  return Array.from(nodesIn(bytes, subject, onProblem));
}

function raise(problem: RepositoryError): never {
  throw problem;
}
