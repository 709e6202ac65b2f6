import type { RepositoryErrorCode } from '../errors/repository-error.js';
import type { Node } from './node.js';

const NULL_ID = '0'.repeat(64);
const SLASH = 0x2f;
const NUL = 0;

/** Something about an entry that no archiver of good will writes: torn, or made to write outside of a target. */
export interface NodeProblem {
  readonly code: Extract<RepositoryErrorCode, 'damaged_repository' | 'unsafe_repository'>;
  /** Follows "has an entry". */
  readonly what: string;
}

/** What a restore must know before it uses `node`; damage that only costs this entry, and attempts to break out. */
export function problemsOf(node: Node): NodeProblem[] {
  const problems: NodeProblem[] = [];
  const damage = damageOf(node);
  if (damage !== undefined) problems.push({ code: 'damaged_repository', what: damage });
  const danger = dangerOf(node);
  if (danger !== undefined) problems.push({ code: 'unsafe_repository', what: danger });
  return problems;
}

function damageOf({ type, content, subtree }: Node): string | undefined {
  if (type === 'file') {
    if (content === undefined) return 'of a file without a list of its content';
    return content.includes(NULL_ID) ? 'of a file with a content of no id' : undefined;
  }
  if (type === 'dir' && (subtree === undefined || subtree === NULL_ID))
    return 'of a directory without a tree';
  return undefined;
}

function dangerOf({ name, linkTarget, extendedAttributes }: Node): string | undefined {
  if (name.length === 0) return 'without a name';
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) {
    return `that is called "${name.toString()}"`;
  }
  for (let i = 0; i < name.length; i++) {
    if (name[i] === SLASH || name[i] === NUL) return 'whose name is a path or holds a NUL';
  }
  if (linkTarget?.includes(NUL)) return 'that links to a path with a NUL';
  if (extendedAttributes?.some((attribute) => attribute.name.includes('\0'))) {
    return 'with an extended attribute whose name holds a NUL';
  }
  return undefined;
}
