import type { Statements } from '../database/statements.js';

/** Rows of the host application that one sweep takes up; the next one goes on. */
const ROWS_AT_ONCE = 10_000;
/** Ids are given out before their rows can be seen: so far back nobody relies on having seen all. */
const LATE_IDS = 10_000;

/** Rows that no trigger told of: made while it was off, or where its owner does not let us have one. */
const TAKE_UP = {
  name: 'local_files_take_up',
  text: `WITH looked AS (SELECT id, user_id, file_path, file_size FROM pixe_files WHERE id > $1 ORDER BY id LIMIT $2),
    taken AS (
      INSERT INTO local_file_syncs (local_file_id, user_id, path_hash, size_bytes, next_attempt_at)
        SELECT id, user_id, encode(sha256(convert_to(file_path, 'UTF8')), 'hex'), file_size,
            (SELECT now() FROM sync_settings s WHERE s.user_id = looked.user_id AND s.sync_on_create)
          FROM looked WHERE NOT EXISTS (SELECT FROM local_file_syncs s WHERE s.local_file_id = looked.id)
      ON CONFLICT DO NOTHING RETURNING 1)
    SELECT (SELECT max(id) FROM looked) AS last_id, (SELECT count(*) FROM looked)::integer AS looked`,
};

/** auto_upload: whatever has not been uploaded. */
const ASK_FOR_REST = {
  name: 'local_files_ask_for_rest',
  text: `UPDATE local_file_syncs SET next_attempt_at = now() FROM sync_settings s
    WHERE s.user_id = local_file_syncs.user_id AND s.auto_upload AND server_name = $1
      AND state IN ('waiting', 'failed') AND next_attempt_at IS NULL`,
};

/** Files that were too large and are not any more. */
const RETRY_SKIPPED = {
  name: 'local_files_retry_skipped',
  text: `UPDATE local_file_syncs AS held SET state = 'waiting', reason_code = NULL, reason = NULL,
      next_attempt_at = CASE WHEN s.auto_upload OR s.sync_on_create THEN now() END
    FROM sync_settings s
    WHERE s.user_id = held.user_id AND server_name = $1 AND state = 'skipped' AND next_attempt_at IS NULL
      AND size_bytes <= coalesce(s.max_file_size, $2::bigint)`,
};

/** Of users who switched both off: what they did not ask for themselves rests. */
const LET_REST = {
  name: 'local_files_let_rest',
  text: `UPDATE local_file_syncs SET next_attempt_at = NULL FROM sync_settings s
    WHERE s.user_id = local_file_syncs.user_id AND NOT coalesce(s.auto_upload, false)
      AND NOT coalesce(s.sync_on_create, false) AND server_name = $1 AND next_attempt_at IS NOT NULL
      AND state IN ('waiting', 'failed') AND NOT asked`,
};

/** What settings and time say about files that nobody asks for by name. */
export class SyncSweep {
  private lastId = 0;

  constructor(
    private readonly statements: Statements,
    private readonly serverName: string,
    private readonly defaultMaxFileSize: number,
  ) {}

  /** Takes up rows that nobody told of: all at the first call, then those with new ids. */
  async takeUpRows(): Promise<void> {
    for (let afterId = Math.max(0, this.lastId - LATE_IDS); ;) {
      const values = [afterId, ROWS_AT_ONCE];
      const [row] = await this.statements.query<{ last_id: number | null; looked: number }>(TAKE_UP, values);
      if (row?.last_id == null) return;
      afterId = row.last_id;
      this.lastId = Math.max(this.lastId, afterId);
      if (row.looked < ROWS_AT_ONCE) return;
    }
  }

  async applySettings(): Promise<void> {
    await this.statements.query(LET_REST, [this.serverName]);
    await this.statements.query(RETRY_SKIPPED, [this.serverName, this.defaultMaxFileSize]);
    await this.statements.query(ASK_FOR_REST, [this.serverName]);
  }
}
