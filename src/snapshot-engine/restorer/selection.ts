import { RepositoryError } from '../errors/repository-error.js';
import { directoryOf, joinPath, normalizedPath, shownPath } from './raw-path.js';

export type Selected = 'inside' | 'ancestor' | 'outside';

/** Which entries of a snapshot were asked for. Paths are latin1, relative to the snapshot's root. */
export class Selection {
  /** Path in the snapshot that becomes the target. */
  readonly from: string;
  readonly #wanted: ReadonlySet<string>;
  readonly #ancestors = new Set<string>();
  readonly #missing: Set<string>;
  readonly #everything: boolean;

  /** Throws `path_not_found` for a path that leads upwards. */
  constructor(from: Uint8Array | undefined, paths: readonly Uint8Array[] | undefined) {
    this.from = normalized(from ?? new Uint8Array());
    const wanted = (paths ?? []).map(normalized);
    this.#everything = paths === undefined || wanted.includes('');
    this.#wanted = new Set(wanted);
    this.#missing = new Set(this.#everything ? [] : wanted);
    for (const path of wanted) {
      for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
        this.#ancestors.add(path.slice(0, slash));
      }
    }
  }

  /** Of an entry called `name` in a directory of the target that is `parent`. */
  of(parent: Selected, directory: string, name: string): Selected {
    if (parent === 'inside') return 'inside';
    const path = joinPath(directory, name);
    if (this.#wanted.has(path)) {
      this.#missing.delete(path);
      return 'inside';
    }
    return this.#ancestors.has(path) ? 'ancestor' : 'outside';
  }

  /** Whether an entry of the target was asked for, or lies beneath what was. */
  contains(path: string): boolean {
    if (this.#everything) return true;
    for (let up = path; up !== ''; up = directoryOf(up)) if (this.#wanted.has(up)) return true;
    return false;
  }

  /** Of the target itself. */
  get root(): Selected {
    return this.#everything ? 'inside' : 'ancestor';
  }

  /** Throws `path_not_found` when something that was asked for has not been seen. */
  assertFound(): void {
    for (const path of this.#missing) throw notFound(path);
  }
}

export function notFound(path: string): RepositoryError {
  const shown = shownPath(path);
  return new RepositoryError('path_not_found', `The snapshot does not contain ${shown}.`, shown);
}

function normalized(bytes: Uint8Array): string {
  const path = normalizedPath(bytes);
  if (path === undefined) throw notFound(Buffer.from(bytes).toString('latin1'));
  return path;
}
