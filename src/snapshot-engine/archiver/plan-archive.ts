import { setImmediate } from 'node:timers/promises';
import { entryStatusIfAny, FILE_TYPE } from '../filesystem/entry-status.js';
import { isSystemError } from '../filesystem/libc.js';
import { closeFd, openDirectory } from '../filesystem/open-beneath.js';
import { joinPath } from './archive-context.js';
import { DEFAULT_EXCLUDES, DEFAULT_POLICY, type ArchivePolicy } from './archive-policy.js';
import { isForeign, listDirectory } from './directory-listing.js';
import { IgnoreRules, rulesBelow, rulesOfRoot, type RulesHere } from './ignore-rules.js';
import { resolveWorkspace } from './workspace-root.js';

/** `rules`: patterns, or a cache that says so itself. `kind`: sockets. `file_system`: another one than the workspace's. */
export type ExcludeReason = 'rules' | 'kind' | 'file_system';

export interface ExcludedEntry {
  /** Relative to the workspace; bytes that are not UTF-8 are replaced. */
  readonly path: string;
  readonly isDirectory: boolean;
  readonly reason: ExcludeReason;
}

/** What an archive would hold and leave out. */
export interface ArchivePlan {
  readonly files: number;
  readonly directories: number;
  /** Symbolic links, FIFOs and devices. */
  readonly others: number;
  readonly sizeBytes: number;
  /** What lies in an excluded directory is not counted. */
  readonly excludedCount: number;
  /** The first `MAX_NAMED_EXCLUDES`. */
  readonly excluded: readonly ExcludedEntry[];
  /** Directories that could not be listed; the first `MAX_NAMED_EXCLUDES`. */
  readonly unreadable: readonly string[];
  /** The patterns that hold without having been asked for. */
  readonly defaultExcludes: readonly string[];
}

export const MAX_NAMED_EXCLUDES = 1_000;
/** Entries that are looked at before others may use the thread. */
const ENTRIES_PER_STEP = 512;

export interface PlanArchiveOptions {
  readonly workspace: string | Buffer;
  readonly policy?: ArchivePolicy;
  readonly signal?: AbortSignal;
}

/**
 * Walks a workspace as `archive` would, without reading a file. Rejects with `workspace_unreadable`, and with the
 * signal's reason.
 */
export async function planArchive({
  workspace,
  policy = DEFAULT_POLICY,
  signal,
}: PlanArchiveOptions): Promise<ArchivePlan> {
  const path = resolveWorkspace(workspace);
  const root = openDirectory(path);
  const walk = new PlanWalk(root, path, policy);
  try {
    for (let entries = 0; walk.step();) {
      entries += walk.entriesOfStep;
      signal?.throwIfAborted();
      if (entries < ENTRIES_PER_STEP) continue;
      entries = 0;
      await setImmediate();
    }
    return walk.plan;
  } finally {
    closeFd(root);
  }
}

interface WaitingDirectory {
  readonly path: Buffer;
  readonly rules: readonly RulesHere[];
}

class PlanWalk {
  entriesOfStep = 0;
  readonly #root: number;
  readonly #rootPath: Buffer;
  readonly #policy: ArchivePolicy;
  readonly #rules: IgnoreRules;
  readonly #waiting: WaitingDirectory[];
  readonly #counts = { files: 0, directories: 0, others: 0, sizeBytes: 0, excludedCount: 0 };
  readonly #excluded: ExcludedEntry[] = [];
  readonly #unreadable: string[] = [];
  #ignoreFiles = 0;

  constructor(root: number, rootPath: Buffer, policy: ArchivePolicy) {
    this.#root = root;
    this.#rootPath = rootPath;
    this.#policy = policy;
    this.#rules = new IgnoreRules(policy);
    this.#waiting = [{ path: Buffer.alloc(0), rules: rulesOfRoot(policy) }];
  }

  get plan(): ArchivePlan {
    return {
      ...this.#counts,
      excluded: this.#excluded,
      unreadable: this.#unreadable,
      defaultExcludes: this.#policy.defaultExcludes ? DEFAULT_EXCLUDES : [],
    };
  }

  /** Looks at one directory; `false` when none is left. */
  step(): boolean {
    const directory = this.#waiting.pop();
    if (directory === undefined) return false;
    this.#counts.directories += 1;
    try {
      this.#list(directory);
    } catch (error) {
      if (!isSystemError(error, 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ELOOP', 'EIO', 'ESTALE'))
        throw error;
      if (this.#unreadable.length < MAX_NAMED_EXCLUDES) this.#unreadable.push(directory.path.toString());
    }
    return true;
  }

  #list({ path, rules }: WaitingDirectory): void {
    const listing = listDirectory(
      { path, rules },
      { root: this.#root, rules: this.#rules, policy: this.#policy },
    );
    this.entriesOfStep = listing.names.length;
    const inside = listing.ignoreFile === undefined ? rules : this.#withIgnoreFile(rules, listing.ignoreFile);
    try {
      for (const name of listing.names) {
        const status = entryStatusIfAny(name, listing.directory);
        if (status === undefined) continue;
        const entry = joinPath(path, name);
        const type = status.mode & FILE_TYPE.mask;
        const isDirectory = type === FILE_TYPE.directory;
        if (type === FILE_TYPE.socket) this.#exclude(entry, isDirectory, 'kind');
        else if (listing.isExcluded(name, isDirectory)) this.#exclude(entry, isDirectory, 'rules');
        else if (!isDirectory) this.#count(type, status.sizeBytes);
        else if (
          status.deviceId !== listing.deviceId &&
          isForeign(joinPath(this.#rootPath, entry), this.#policy)
        ) {
          this.#exclude(entry, isDirectory, 'file_system');
        } else this.#waiting.push({ path: entry, rules: rulesBelow(inside, name) });
      }
    } finally {
      closeFd(listing.directory);
    }
  }

  #withIgnoreFile(rules: readonly RulesHere[], ignoreFile: Buffer): readonly RulesHere[] {
    this.#ignoreFiles += 1;
    this.#rules.add(this.#ignoreFiles, ignoreFile);
    return [{ key: this.#ignoreFiles, path: '' }, ...rules];
  }

  #count(type: number, sizeBytes: number): void {
    if (type === FILE_TYPE.file) {
      this.#counts.files += 1;
      this.#counts.sizeBytes += sizeBytes;
    } else this.#counts.others += 1;
  }

  #exclude(path: Buffer, isDirectory: boolean, reason: ExcludeReason): void {
    this.#counts.excludedCount += 1;
    if (this.#excluded.length < MAX_NAMED_EXCLUDES) {
      this.#excluded.push({ path: path.toString(), isDirectory, reason });
    }
  }
}
