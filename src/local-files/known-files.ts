import { lstat } from 'node:fs/promises';
import type { Statements } from '../database/statements.js';
import type { AllowedPaths } from './allowed-paths.js';
import { isLocalFilesError } from './local-files-error.js';
import { KNOWN_COLUMNS, type KnownFile, type SeenFiles } from './seen-files.js';

/** One round looks at so many; the next one goes on. */
const FILES_PER_ROUND = 2_000;

const ROUND = {
  name: 'local_files_round',
  text: `SELECT ${KNOWN_COLUMNS}, s.user_id, f.file_path
    FROM local_file_syncs s JOIN pixe_files f ON f.id = s.local_file_id
    WHERE s.server_name = $1 AND s.local_file_id > $2 AND s.state NOT IN ('uploading', 'unregistered')
    ORDER BY s.local_file_id LIMIT $3`,
};

interface RoundRow extends KnownFile {
  readonly user_id: number;
  readonly file_path: string;
}

/** Looks at all files of this server in turn, for changes that nobody told of: not all lie in watched folders. */
export class KnownFiles {
  private lastId = 0;

  constructor(
    private readonly statements: Statements,
    private readonly paths: AllowedPaths,
    private readonly seen: SeenFiles,
    private readonly serverName: string,
  ) {}

  async round(signal: AbortSignal): Promise<void> {
    const rows = await this.statements.query<RoundRow>(ROUND, [
      this.serverName,
      this.lastId,
      FILES_PER_ROUND,
    ]);
    for (const row of rows) {
      if (signal.aborted) return;
      await this.compare(row);
    }
    this.lastId = rows.length < FILES_PER_ROUND ? 0 : rows.at(-1)!.local_file_id;
  }

  private async compare(row: RoundRow): Promise<void> {
    try {
      const { path } = await this.paths.locate(row.user_id, row.file_path);
      const stats = await lstat(path, { bigint: true });
      if (stats.isFile()) await this.seen.present(row, stats);
    } catch (error) {
      // Where its folder is gone, or not allowed any more, nobody knows about the file.
      if (isLocalFilesError(error)) return;
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') await this.seen.absent(row);
      else if (code !== 'EACCES' && code !== 'EIO' && code !== 'ESTALE') throw error;
    }
  }
}
