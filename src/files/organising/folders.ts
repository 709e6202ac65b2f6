import type { DataSource } from 'typeorm';
import type { AuditLog, AuditOrigin } from '../../auth/audit-log.service.js';
import { isTimeout, type Statements } from '../../database/statements.js';
import { RequestError } from '../../errors/request-errors.js';
import { invalidFolder } from '../file-errors.js';
import { endOfPrefix } from '../file-listing.js';
import type { Searches } from '../searches.js';
import { cleanFolder, MAX_FOLDER_CHARS } from '../folder-path.js';

/** A folder exists as long as a file is in it or below it. */
export interface FolderRow {
  readonly folder: string;
  readonly file_count: string;
  readonly total_bytes: string;
}

/**
 * One step of the index for each subfolder, however many files they have (a loose index scan,
 * https://wiki.postgresql.org/wiki/Loose_indexscan), then one range of it for each that is shown. In the order of
 * bytes all that lies below `a/` comes before `a0`, because `0` follows the slash.
 */
const SUBFOLDERS = {
  name: 'files_subfolders',
  text: `WITH RECURSIVE found (folder) AS (
      (SELECT ${subfolder('folder')} FROM cloud_files
        WHERE user_id = $1 AND state = 'stored' AND folder COLLATE "C" > $2 AND folder COLLATE "C" >= $3
          AND ($4::text IS NULL OR folder COLLATE "C" < $4)
        ORDER BY folder COLLATE "C" LIMIT 1)
      UNION ALL
      SELECT (SELECT ${subfolder('folder')} FROM cloud_files
        WHERE user_id = $1 AND state = 'stored' AND folder COLLATE "C" >= left(found.folder, -1) || '0'
          AND ($4::text IS NULL OR folder COLLATE "C" < $4)
        ORDER BY folder COLLATE "C" LIMIT 1)
      FROM found WHERE found.folder IS NOT NULL
    ), shown AS (SELECT folder FROM found WHERE folder IS NOT NULL LIMIT $5)
    SELECT folder, file_count, total_bytes FROM shown CROSS JOIN LATERAL (
      SELECT count(*) AS file_count, coalesce(sum(file_size), 0) AS total_bytes FROM cloud_files f
      WHERE user_id = $1 AND state = 'stored' AND f.folder COLLATE "C" >= shown.folder
        AND f.folder COLLATE "C" < left(shown.folder, -1) || '0') content`,
};

/** The direct subfolder of $2 in which a deeper folder lies. */
function subfolder(column: string): string {
  const below = `substr(${column}, char_length($2) + 1)`;
  return `$2 || left(${below}, strpos(${below}, '/'))`;
}

const TOO_LONG = `SELECT EXISTS (SELECT FROM cloud_files WHERE user_id = $1 AND state = 'stored'
    AND folder COLLATE "C" >= $2 AND folder COLLATE "C" < $3
    AND char_length(folder) - char_length($2) + char_length($4) > ${MAX_FOLDER_CHARS}) AS too_long`;
const RENAME = `UPDATE cloud_files f SET folder = $4 || substr(f.folder, char_length($2) + 1) FROM (
    SELECT id FROM cloud_files WHERE user_id = $1 AND state = 'stored'
      AND folder COLLATE "C" >= $2 AND folder COLLATE "C" < $3 ORDER BY id FOR UPDATE) chosen
  WHERE f.id = chosen.id`;

/** A hundred thousand files take some 20 s; other files can be changed meanwhile. */
const RENAME_TIMEOUT_MS = 120_000;

/** Folders of a user: prefixes of the rows, nothing of them is in the bucket. */
export class Folders {
  constructor(
    private readonly statements: Statements,
    private readonly searches: Searches,
    private readonly database: DataSource,
    private readonly audit: AuditLog,
    private readonly renameTimeoutMs = RENAME_TIMEOUT_MS,
  ) {}

  /** The direct subfolders of `parent`, in the order of bytes. @param after the last one shown */
  list(userId: number, parent: string, after: string | undefined, limit: number): Promise<FolderRow[]> {
    const from = after === undefined ? parent : endOf(after);
    const values = [userId, parent, from, endOfPrefix(parent) ?? null, limit];
    return this.searches.run(userId, () => this.statements.query<FolderRow>(SUBFOLDERS, values));
  }

  /**
   * Moves all that is in a folder and below it, at once or not at all. What is in the trash stays where it was.
   * @returns how many files moved
   * @throws FilesError `invalid_folder`; RequestError `service_unavailable` when it would take too long
   */
  async rename(userId: number, from: string, to: string, origin: AuditOrigin): Promise<number> {
    const [source, target] = [cleanFolder(from), cleanFolder(to)];
    if (source === '') throw invalidFolder('the top cannot be renamed.');
    if (target.startsWith(source)) throw invalidFolder('it cannot become a part of itself.');
    const renamed = this.database.transaction(async (manager) => {
      await manager.query(`SET LOCAL statement_timeout = ${this.renameTimeoutMs}`);
      const values = [userId, source, endOf(source), target];
      const [{ too_long: tooLong }] = await manager.query<[{ too_long: boolean }]>(TOO_LONG, values);
      if (tooLong)
        throw invalidFolder(`a folder below it would be longer than ${MAX_FOLDER_CHARS} characters.`);
      const [, moved] = await manager.query<[unknown, number]>(RENAME, values);
      const details = { from: source, to: target, files: moved };
      const record = { action: 'folder.renamed', subject: `user:${userId}`, details };
      if (moved > 0) await this.audit.record({ ...origin, ...record }, manager);
      return moved;
    });
    return renamed.catch((error: unknown) => {
      throw isTimeout(error) ? tooManyAtOnce(error) : error;
    });
  }
}

function tooManyAtOnce(cause: unknown): RequestError {
  const detail =
    'The folder has more files than can be moved at once, or another change of them takes too long. ' +
    'Nothing was moved. Try again, or move the folders in it one by one.';
  return new RequestError('service_unavailable', detail, { cause });
}

/** The first text after all that lies in a folder or below it. */
function endOf(folder: string): string {
  return `${folder.slice(0, -1)}0`;
}
