import ignore, { type Ignore } from 'ignore';
import { DEFAULT_EXCLUDES, type ArchivePolicy } from './archive-policy.js';
import { textOfBytes } from './byte-text.js';

/** Patterns that hold in a directory: where they were compiled, and the way from there. */
export interface RulesHere {
  /** 0 is the policy; every ignore file has its own. */
  readonly key: number;
  /** From the patterns' directory to this one, as text of `byte-text.ts`: empty, or with a slash at its end. */
  readonly path: string;
}

export type ExcludeTest = (name: Buffer, isDirectory: boolean) => boolean;

const POLICY = 0;
const OPTIONS = { ignoreCase: false, allowRelativePaths: true } as const;

/** The rules of a workspace's root, before its own ignore file. */
export function rulesOfRoot(policy: ArchivePolicy): readonly RulesHere[] {
  return patternsOf(policy).length === 0 ? [] : [{ key: POLICY, path: '' }];
}

/** The rules that hold in the directory `name` of a directory where `rules` hold. */
export function rulesBelow(rules: readonly RulesHere[], name: Buffer): readonly RulesHere[] {
  if (rules.length === 0) return rules;
  const step = `${textOfBytes(name)}/`;
  return rules.map(({ key, path }) => ({ key, path: path + step }));
}

function patternsOf(policy: ArchivePolicy): readonly string[] {
  return [...(policy.defaultExcludes ? DEFAULT_EXCLUDES : []), ...policy.excludes];
}

/** Compiled patterns, by key. */
export class IgnoreRules {
  readonly #compiled = new Map<number, Ignore>();

  constructor(policy: ArchivePolicy) {
    const compiled = ignore(OPTIONS);
    for (const pattern of patternsOf(policy)) compiled.add(pattern);
    this.#compiled.set(POLICY, compiled);
  }

  add(key: number, ignoreFile: Buffer): void {
    this.#compiled.set(key, compile(ignoreFile));
  }

  /**
   * Tests entries of one directory, whose own ignore file decides before all others and the innermost before those
   * above it. Keep it no longer than the directory is looked at: it grows.
   */
  test(rules: readonly RulesHere[], ownFile?: Buffer): ExcludeTest {
    const above = rules.map(({ key, path }) => ({ patterns: fresh(this.#compiled.get(key)!), path }));
    const own = ownFile === undefined ? [] : [{ patterns: compile(ownFile), path: '' }];
    const all = [...own, ...above];
    return (name, isDirectory) => {
      const entry = isDirectory ? `${textOfBytes(name)}/` : textOfBytes(name);
      for (const { patterns, path } of all) {
        const { ignored, unignored } = patterns.test(path + entry);
        if (ignored || unignored) return ignored;
      }
      return false;
    };
  }
}

/** The package remembers every path that it has seen: a new instance shares the compiled patterns and nothing else. */
function fresh(patterns: Ignore): Ignore {
  return ignore(OPTIONS).add(patterns);
}

function compile(ignoreFile: Buffer): Ignore {
  return ignore(OPTIONS).add(textOfBytes(ignoreFile));
}
