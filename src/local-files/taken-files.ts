import { basename, dirname, join } from 'node:path';
import type { DataSource } from 'typeorm';
import type { Statements } from '../database/statements.js';
import { pathHashOf, registerFiles } from './registration.js';
import { KNOWN_COLUMNS, type KnownFile, type SeenFiles } from './seen-files.js';
import type { WalkedFile } from './walk-folder.js';
import type { WatchedFolder } from './watched-folder.entity.js';

/** Files that are compared with their rows at once. */
export const FILES_AT_ONCE = 200;

const KNOWN = {
  name: 'local_files_known',
  text: `SELECT ${KNOWN_COLUMNS}, s.path_hash FROM local_file_syncs s
    WHERE s.user_id = $1 AND s.path_hash = ANY ($2::text[])`,
};

/** Makes files of watched folders local files, and tells of those that changed or went. */
export class TakenFiles {
  constructor(
    private readonly database: DataSource,
    private readonly statements: Statements,
    private readonly seen: SeenFiles,
  ) {}

  /** @param files at most FILES_AT_ONCE */
  async take(folder: WatchedFolder, files: readonly WalkedFile[]): Promise<void> {
    if (files.length === 0) return;
    const known = await this.knownOf(
      folder,
      files.map(({ path }) => path),
    );
    const unknown: WalkedFile[] = [];
    for (const file of files) {
      const row = known.get(pathHashOf(join(folder.path, file.path)));
      if (row === undefined) unknown.push(file);
      else await this.seen.present(row, file.stats);
    }
    if (unknown.length > 0) await this.register(folder, unknown);
  }

  /** @param paths of what is not there any more */
  async gone(folder: WatchedFolder, paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    for (const row of (await this.knownOf(folder, paths)).values()) await this.seen.absent(row);
  }

  private async knownOf(folder: WatchedFolder, paths: readonly string[]): Promise<Map<string, KnownFile>> {
    const hashes = paths.map((path) => pathHashOf(join(folder.path, path)));
    type Row = KnownFile & { readonly path_hash: string };
    const rows = await this.statements.query<Row>(KNOWN, [folder.userId, hashes]);
    return new Map(rows.map((row) => [row.path_hash, row]));
  }

  private async register(
    { id, userId, serverName, path, folder }: WatchedFolder,
    files: readonly WalkedFile[],
  ) {
    const registrant = { userId, serverName, origin: 'folder', watchedFolderId: id } as const;
    const found = files.map((file) => ({
      path: join(path, file.path),
      filename: basename(file.path),
      folder: folder + folderOf(file.path),
      sizeBytes: Number(file.stats.size),
      modifiedAt: new Date(Number(file.stats.mtimeMs)),
    }));
    await registerFiles(this.database, registrant, found);
  }
}

function folderOf(path: string): string {
  const directory = dirname(path);
  return directory === '.' ? '' : `${directory}/`;
}
