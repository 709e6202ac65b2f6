import ignore, { type Ignore } from 'ignore';

const OPTIONS = { ignoreCase: false, allowRelativePaths: false } as const;

/** Which files of a watched folder are taken. Patterns as of .gitignore, relative to the folder. */
export class FolderRules {
  private readonly included: Ignore | undefined;
  private readonly excluded: Ignore;

  /** @param include none: all files */
  constructor(include: readonly string[], exclude: readonly string[]) {
    this.included = include.length > 0 ? ignore(OPTIONS).add(include) : undefined;
    this.excluded = ignore(OPTIONS).add(exclude);
  }

  /** @param path relative to the folder, with `/` between names and none at the begin or end */
  takesFile(path: string): boolean {
    return !this.excluded.ignores(path) && (this.included?.ignores(path) ?? true);
  }

  /** Whether files in it may be taken. */
  entersDirectory(path: string): boolean {
    return !this.excluded.ignores(`${path}/`);
  }
}
