import type { DataSource } from 'typeorm';
import { InotifyWatcher } from '../snapshot-engine/index.js';
import type { AllowedPaths } from './allowed-paths.js';
import { FolderRules } from './folder-rules.js';
import { FolderWatch } from './folder-watch.js';
import { isLocalFilesError } from './local-files-error.js';
import type { TakenFiles } from './taken-files.js';
import { WatchedFolder } from './watched-folder.entity.js';

const TURN_EVERY_MS = 500;
/** Of a folder that cannot be read. */
const TRY_AGAIN_MS = 30_000;

export interface WatchedFolderWorkOptions {
  readonly database: DataSource;
  readonly paths: AllowedPaths;
  readonly files: TakenFiles;
  readonly serverName: string;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

interface Watched {
  readonly folder: WatchedFolder;
  readonly stop: AbortController;
  watch: FolderWatch | undefined;
  restUntilMs: number;
}

/** Watches the folders of this server, as many as users have. */
export class WatchedFolderWork {
  private readonly watched = new Map<string, Watched>();
  private timer: NodeJS.Timeout | undefined;
  private turning: Promise<void> | undefined;

  constructor(private readonly options: WatchedFolderWorkOptions) {}

  /** Begins and ends with folders that were made, changed or deleted. */
  async refresh(): Promise<void> {
    const { database, serverName } = this.options;
    const folders = await database.manager.findBy(WatchedFolder, { serverName });
    const versions = new Map(folders.map(({ id, version }) => [id, version]));
    for (const [id, { folder }] of this.watched) if (versions.get(id) !== folder.version) this.end(id);
    for (const folder of folders) if (!this.watched.has(folder.id)) this.begin(folder);
    this.timer ??= setInterval(() => this.turn(), TURN_EVERY_MS).unref();
    this.turn();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    for (const id of this.watched.keys()) this.end(id);
    await this.turning;
  }

  private begin(folder: WatchedFolder): void {
    const watched = { folder, stop: new AbortController(), watch: undefined, restUntilMs: -Infinity };
    this.watched.set(folder.id, watched);
  }

  private end(id: string): void {
    const watched = this.watched.get(id);
    watched?.stop.abort();
    watched?.watch?.close();
    this.watched.delete(id);
  }

  /** One folder after the other: walks of all at once would only make the disk slower. */
  private turn(): void {
    this.turning ??= this.turnNow().finally(() => (this.turning = undefined));
  }

  private async turnNow(): Promise<void> {
    for (const [id, watched] of [...this.watched]) {
      if (this.watched.get(id) !== watched || this.options.now() < watched.restUntilMs) continue;
      await this.turnOf(watched).catch((error: unknown) => this.options.onError(error));
    }
  }

  private async turnOf(watched: Watched): Promise<void> {
    try {
      const report = await (await this.watchOf(watched)).turn();
      if (report !== undefined) await this.note(watched, report.problem, report.unreadable);
    } catch (error) {
      if (watched.stop.signal.aborted) return;
      watched.restUntilMs = this.options.now() + TRY_AGAIN_MS;
      watched.watch?.close();
      watched.watch = undefined;
      const problem = sentenceOf(error);
      if (problem === undefined) throw error;
      await this.note(watched, problem, 0);
    }
  }

  /** Where its path leads is asked each time: links on its way may have moved, out of all roots even. */
  private async watchOf(watched: Watched): Promise<FolderWatch> {
    const { paths, files, now } = this.options;
    const { folder, stop, watch } = watched;
    const { path: top } = await paths.locate(folder.userId, folder.path);
    if (watch?.top === top) return watch;
    watch?.close();
    watched.watch = new FolderWatch({
      folder,
      top,
      rules: new FolderRules(folder.include, folder.exclude),
      files,
      openWatcher: (workspace) => new InotifyWatcher(workspace),
      isOff: (path) => paths.isOurs(path),
      now,
      signal: stop.signal,
    });
    return watched.watch;
  }

  private async note({ folder }: Watched, problem: string | undefined, unreadable: number): Promise<void> {
    await this.options.database.query(NOTE, [folder.id, problem ?? null, unreadable]);
  }
}

const NOTE = `UPDATE watched_folders SET problem = $2, unreadable_count = $3,
  last_walk_at = CASE WHEN $2::text IS NULL THEN now() ELSE last_walk_at END WHERE id = $1`;

function sentenceOf(error: unknown): string | undefined {
  if (isLocalFilesError(error)) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? undefined : `The folder cannot be read (${code}).`;
}
