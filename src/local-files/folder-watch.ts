import { isUtf8 } from 'node:buffer';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeWatcher, OpenWatcher, TakenChanges } from '../snapshot-engine/index.js';
import type { FolderRules } from './folder-rules.js';
import { QuietFiles } from './quiet-files.js';
import { FILES_AT_ONCE, type TakenFiles } from './taken-files.js';
import { walkFolder, type WalkedFile, type WalkOptions } from './walk-folder.js';
import type { WatchedFolder } from './watched-folder.entity.js';

/** The safety net for what is not told: mappings, hard links, other machines on the same disk. */
const WALK_EVERY_MS = 300_000;
/** After events were lost; a storm of them does not make a walk of each. */
const WALK_AGAIN_AFTER_MS = 10_000;

export interface FolderWatchOptions {
  readonly folder: WatchedFolder;
  /** Where its path leads, without links. */
  readonly top: string;
  readonly rules: FolderRules;
  readonly files: TakenFiles;
  readonly openWatcher: OpenWatcher;
  readonly isOff: (path: string) => Promise<boolean>;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface WalkReport {
  readonly unreadable: number;
  /** Why changes are found by walks alone; undefined: they are told. */
  readonly problem: string | undefined;
}

/** Finds new, changed and vanished files of one watched folder: by the kernel's events, and by walks in between. */
export class FolderWatch {
  private readonly quiet: QuietFiles;
  private watcher: ChangeWatcher | undefined;
  private lastWalkMs = -Infinity;
  private lostEvents = false;

  constructor(private readonly options: FolderWatchOptions) {
    this.quiet = new QuietFiles(options.now);
  }

  /** @returns what a walk found, if there was one this time @throws what the folder's own directory throws */
  async turn(): Promise<WalkReport | undefined> {
    if (this.isWalkDue()) return this.walk();
    const changes = this.watcher?.take();
    if (changes?.known === true) await this.look(changes);
    else if (changes !== undefined) this.lostEvents = true;
    await this.lookAtWaiting();
    return undefined;
  }

  get top(): string {
    return this.options.top;
  }

  close(): void {
    this.watcher?.close();
    this.watcher = undefined;
  }

  private isWalkDue(): boolean {
    const sinceMs = this.options.now() - this.lastWalkMs;
    return sinceMs >= (this.lostEvents ? WALK_AGAIN_AFTER_MS : WALK_EVERY_MS);
  }

  private async walk(): Promise<WalkReport> {
    const { top, openWatcher, now } = this.options;
    this.lastWalkMs = now();
    this.lostEvents = false;
    this.watcher?.close();
    this.watcher = openWatcher(Buffer.from(top));
    let unreadable = 0;
    await this.takeAll(this.walkOptions('', true, () => (unreadable += 1)));
    return { unreadable, problem: this.watcher.problem };
  }

  private async look({ entries, subtrees }: TakenChanges & { known: true }): Promise<void> {
    const paths: string[] = [];
    for (const [directory, names] of entries) {
      const folder = textOf(directory);
      if (folder === undefined) continue;
      if (names === 'all') await this.takeAll(this.walkOptions(folder, false));
      else for (const name of names) paths.push(...pathOf(folder, textOf(name)));
    }
    for (const subtree of subtrees) {
      const folder = textOf(subtree);
      if (folder !== undefined && (await this.mayEnter(folder))) {
        await this.takeAll(this.walkOptions(folder, true));
      }
    }
    await this.lookAt(paths);
  }

  private lookAtWaiting(): Promise<void> {
    return this.lookAt(this.quiet.waiting);
  }

  private async lookAt(paths: readonly string[]): Promise<void> {
    for (let at = 0; at < paths.length; at += FILES_AT_ONCE) {
      this.options.signal.throwIfAborted();
      await this.lookAtSome(paths.slice(at, at + FILES_AT_ONCE));
    }
  }

  private async lookAtSome(paths: readonly string[]): Promise<void> {
    const { folder, top, rules, files } = this.options;
    const found: WalkedFile[] = [];
    const gone: string[] = [];
    for (const path of paths.filter((each) => rules.takesFile(each))) {
      try {
        const stats = await lstat(join(top, path), { bigint: true });
        if (stats.isFile()) found.push({ path, stats });
        else this.quiet.forget(path);
      } catch {
        this.quiet.forget(path);
        gone.push(path);
      }
    }
    await files.take(
      folder,
      found.filter(({ path, stats }) => this.quiet.isQuiet(path, stats)),
    );
    await files.gone(folder, gone);
  }

  private async takeAll(options: WalkOptions): Promise<void> {
    const { folder, files } = this.options;
    let batch: WalkedFile[] = [];
    for await (const file of walkFolder(options)) {
      if (this.quiet.isQuiet(file.path, file.stats)) batch.push(file);
      if (batch.length < FILES_AT_ONCE) continue;
      await files.take(folder, batch);
      batch = [];
    }
    await files.take(folder, batch);
  }

  private async mayEnter(path: string): Promise<boolean> {
    const { top, rules, isOff } = this.options;
    return rules.entersDirectory(path) && !(await isOff(join(top, path)));
  }

  private walkOptions(from: string, deep: boolean, unreadable: () => void = () => undefined): WalkOptions {
    const { top, rules, isOff, signal } = this.options;
    const enter = (path: string) => this.watcher?.watch(Buffer.from(path));
    return { top, from, deep, rules, enter, isOff, unreadable, signal };
  }
}

/** Of one character a byte; undefined when those are not UTF-8: such files have no name here. */
function textOf(bytes: string): string | undefined {
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : undefined;
}

function pathOf(folder: string, name: string | undefined): string[] {
  if (name === undefined) return [];
  return [folder === '' ? name : `${folder}/${name}`];
}
