import { damaged, RepositoryError } from '../errors/repository-error.js';
import { JsonScanner, JsonSyntaxError } from './json-scanner.js';
import type { Node } from './node.js';
import { problemsOf } from './node-checks.js';
import { NodeDecoder } from './node-decoder.js';

export type ProblemListener = (problem: RepositoryError) => void;

const NODES = Buffer.from('nodes');

/**
 * The nodes of a tree blob's plaintext, one by one, so that a tree of millions need not be held. Each problem goes to
 * `onProblem`, which may throw it: `damaged_repository`, or `unsafe_repository` for what could lead a restore astray.
 * If it does not, the node comes all the same; only where the JSON itself is broken the nodes end. `subject` names the
 * tree in messages.
 */
export function* nodesIn(
  bytes: Uint8Array,
  subject: string,
  onProblem: ProblemListener,
): Generator<Node, void> {
  const json = new JsonScanner(bytes);
  try {
    yield* readTree(json, subject, onProblem);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    onProblem(damaged(subject, `its JSON has ${error.message}`, error));
  }
}

function* readTree(json: JsonScanner, subject: string, onProblem: ProblemListener): Generator<Node, void> {
  let lists = 0;
  if (!json.openObject()) onProblem(damaged(subject, 'it is null'));
  else {
    for (let first = true; json.nextKey(first); first = false) {
      if (!json.stringIs(NODES)) json.skipValue();
      else if (lists++ > 0) throw new JsonSyntaxError('two lists of nodes');
      else yield* readNodes(json, subject, onProblem);
    }
    if (lists === 0) onProblem(damaged(subject, 'it has no list of nodes'));
  }
  json.end();
}

function* readNodes(json: JsonScanner, subject: string, onProblem: ProblemListener): Generator<Node, void> {
  // Older writers say null for an empty directory.
  if (!json.openList()) return;
  const decoder = new NodeDecoder(json);
  let previous: Buffer | undefined;
  for (let first = true; json.nextItem(first); first = false) {
    const node = decoder.read();
    for (const what of decoder.problems) onProblem(damaged(subject, `it has an entry with ${what}`));
    for (const { code, what } of problemsOf(node)) onProblem(problem(code, subject, what));
    const order = previous === undefined ? 1 : compareNames(node.name, previous);
    if (order === 0) onProblem(damaged(subject, 'it has two entries of one name'));
    if (order < 0) onProblem(damaged(subject, 'its entries are not in order'));
    previous = node.name;
    yield node;
  }
}

function problem(code: RepositoryError['code'], subject: string, what: string): RepositoryError {
  if (code === 'damaged_repository') return damaged(subject, `it has an entry ${what}`);
  return new RepositoryError(code, `${subject} has an entry ${what}; it will not be used.`, subject);
}

/** In the order of their bytes. Loops are faster than Buffer.compare for names. */
export function compareNames(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
