import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

export const ROOT = join(import.meta.dirname, '../..');

export interface SourceFile {
  /** From the root, with slashes: `src/http/drain.ts`. */
  readonly path: string;
  readonly text: string;
  /** As written: `../errors/stowage-error.js`, `@nestjs/common`. */
  readonly imports: readonly string[];
}

/** All TypeScript below `folder` that is not a test. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => join(folder, name))
    .sort()
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      const imports = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
      return { path, text, imports };
    });
}

/** Which of our files an import means, from the root; undefined for a package. */
export function importedPath(from: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return relative(ROOT, join(ROOT, dirname(from.path), specifier)).replace(/\.js$/, '.ts');
}

/** A way round in a graph, as `a -> b -> a`; undefined when there is none. */
export function findCycle(graph: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node].join(' -> ');
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...trail, node]);
      if (cycle !== undefined) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
