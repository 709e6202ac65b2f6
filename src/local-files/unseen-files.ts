import type { Statements } from '../database/statements.js';
import type { AllowedPaths } from './allowed-paths.js';
import { LocalFilesError } from './local-files-error.js';
import { openLocalFile } from './open-local-file.js';

const FILES_AT_ONCE = 200;
/** Of files that no server has seen for long, one look takes so many. */
const MAX_LOOKED = 2_000;
/** Ids are given out before their rows can be seen. */
const LATE_IDS = 1_000;

const UNSEEN = {
  name: 'local_files_unseen',
  text: `SELECT s.local_file_id, s.user_id, s.reason_code, f.file_path
    FROM local_file_syncs s JOIN pixe_files f ON f.id = s.local_file_id
    WHERE s.server_name IS NULL AND s.state <> 'unregistered' AND s.local_file_id > $1
    ORDER BY s.local_file_id LIMIT $2`,
};

const ADOPT = {
  name: 'local_files_adopt',
  text: `UPDATE local_file_syncs SET server_name = $2, reason_code = NULL, reason = NULL
    WHERE local_file_id = ANY ($1::integer[]) AND server_name IS NULL`,
};

const EXPLAIN = {
  name: 'local_files_explain_unseen',
  text: `UPDATE local_file_syncs SET reason_code = $2, reason = $3
    WHERE local_file_id = $1 AND server_name IS NULL AND reason_code IS DISTINCT FROM $2`,
};

interface UnseenRow {
  readonly local_file_id: number;
  readonly user_id: number;
  readonly reason_code: string | null;
  readonly file_path: string;
}

/**
 * The host application's rows say no server: each belongs to the first that sees its file. One that nobody sees says so
 * and waits.
 */
export class UnseenFiles {
  private lastId = 0;
  private againAfterId = 0;

  constructor(
    private readonly statements: Statements,
    private readonly paths: AllowedPaths,
    private readonly serverName: string,
  ) {}

  /** Looks at all that are new since the last call. @returns how many are this server's now */
  async lookAtNew(signal: AbortSignal): Promise<number> {
    let adopted = 0;
    for (let afterId = Math.max(0, this.lastId - LATE_IDS); ;) {
      const rows = await this.look(afterId, FILES_AT_ONCE);
      adopted += await this.adoptSeen(rows);
      const last = rows.at(-1);
      if (last !== undefined) this.lastId = Math.max(this.lastId, last.local_file_id);
      if (rows.length < FILES_AT_ONCE || last === undefined || signal.aborted) return adopted;
      afterId = last.local_file_id;
    }
  }

  /** Looks again at some of those that nobody saw, in turn. */
  async lookAgain(signal: AbortSignal): Promise<number> {
    let adopted = 0;
    for (let looked = 0; looked < MAX_LOOKED && !signal.aborted; looked += FILES_AT_ONCE) {
      const rows = await this.look(this.againAfterId, FILES_AT_ONCE);
      adopted += await this.adoptSeen(rows);
      const isLast = rows.length < FILES_AT_ONCE;
      this.againAfterId = isLast ? 0 : rows.at(-1)!.local_file_id;
      if (isLast) break;
    }
    return adopted;
  }

  private look(afterId: number, limit: number): Promise<UnseenRow[]> {
    return this.statements.query<UnseenRow>(UNSEEN, [afterId, limit]);
  }

  private async adoptSeen(rows: readonly UnseenRow[]): Promise<number> {
    const seen: number[] = [];
    for (const row of rows) {
      const problem = await this.problemOf(row);
      if (problem === undefined) seen.push(row.local_file_id);
      else if (problem.code !== row.reason_code) {
        await this.statements.query(EXPLAIN, [row.local_file_id, problem.code, problem.sentence]);
      }
    }
    if (seen.length > 0) await this.statements.query(ADOPT, [seen, this.serverName]);
    return seen.length;
  }

  private async problemOf({ user_id: userId, file_path: path }: UnseenRow) {
    try {
      const { handle } = await openLocalFile(await this.paths.locate(userId, path));
      await handle.close();
      return undefined;
    } catch (error) {
      if (!(error instanceof LocalFilesError)) throw error;
      // What is there but cannot be uploaded is this server's all the same: its attempts tell why not.
      if (error.code === 'local_file_not_regular' || error.code === 'local_file_unreadable') return undefined;
      return { code: error.code, sentence: error.message };
    }
  }
}
