const COLUMNS = `id, user_id, cloud_config_id, state, object_key, filename, folder, content_type, tags, size_bytes,
  part_bytes, checksum, checksum_bound, md5, multipart_id, replaces_file_id, file_id, created_at, expires_at`;

/** Locked by this one, or not at all any more. */
const FREE = `(locked_until IS NULL OR locked_until <= now())`;

/** Repeated, it finds the row that the first attempt made. */
export const INSERT = {
  name: 'direct_insert',
  text: `INSERT INTO uploads (id, user_id, cloud_config_id, kind, object_key, filename, folder, content_type, tags, size_bytes,
      part_bytes, checksum, checksum_bound, md5, multipart_id, replaces_file_id, expires_at)
    VALUES ($1, $2, $3, 'direct', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
      now() + make_interval(hours => $16::integer))
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind
    RETURNING ${COLUMNS}`,
};

export const FIND = {
  name: 'direct_find',
  text: `SELECT ${COLUMNS} FROM uploads WHERE id = $1 AND user_id = $2 AND kind = 'direct'`,
};

export const PAGE = {
  name: 'direct_page',
  text: `SELECT ${COLUMNS}, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS position
    FROM uploads WHERE user_id = $1 AND kind = 'direct' AND ($2::varchar IS NULL OR state = $2)
      AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
    ORDER BY created_at DESC, id DESC LIMIT $5`,
};

/** URLs are given out for it now: it lives on, and it stays bound only if they bind. */
export const TOUCH = {
  name: 'direct_touch',
  text: `UPDATE uploads SET checksum_bound = checksum_bound AND $3,
      expires_at = least(now() + make_interval(hours => $4::integer), created_at + make_interval(hours => $5::integer))
    WHERE id = $1 AND user_id = $2 AND kind = 'direct' AND state = 'open' AND expires_at > now() RETURNING ${COLUMNS}`,
};

/** What is being completed lives on until that has an end. */
export const BEGIN_COMPLETING = {
  name: 'direct_begin_completing',
  text: `UPDATE uploads SET state = 'completing', locked_by = $3, locked_until = now() + make_interval(secs => $4::float8),
      expires_at = greatest(expires_at, now() + make_interval(hours => $5::integer))
    WHERE id = $1 AND user_id = $2 AND kind = 'direct' AND ${FREE}
      AND (state = 'completing' OR (state = 'open' AND expires_at > now())) RETURNING ${COLUMNS}`,
};

/** Of completions that nobody goes on with. */
export const BEGIN_FINISHING = {
  name: 'direct_begin_finishing',
  text: `UPDATE uploads SET locked_by = $1, locked_until = now() + make_interval(secs => $2::float8)
    WHERE id = (SELECT id FROM uploads WHERE kind = 'direct' AND state = 'completing' AND ended_at IS NULL AND ${FREE}
      AND id > $3::uuid ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING ${COLUMNS}`,
};

/** `expires_at`: should the process die, whoever ends expired uploads goes on with it. */
export const BEGIN_ABORTING = {
  name: 'direct_begin_aborting',
  text: `UPDATE uploads SET state = 'aborted', expires_at = now(),
      locked_by = $3, locked_until = now() + make_interval(secs => $4::float8)
    WHERE id = $1 AND user_id = $2 AND kind = 'direct' AND state IN ('open', 'completing') AND ended_at IS NULL AND ${FREE}
    RETURNING ${COLUMNS}`,
};

export const BEGIN_EXPIRING = {
  name: 'direct_begin_expiring',
  text: `UPDATE uploads SET state = 'aborted', locked_by = $3, locked_until = now() + make_interval(secs => $4::float8)
    WHERE id = $1 AND user_id = $2 AND kind = 'direct' AND state IN ('open', 'aborted') AND ended_at IS NULL
      AND expires_at <= now() AND ${FREE}
    RETURNING ${COLUMNS}`,
};

export const HOLD = {
  name: 'direct_hold',
  text: `UPDATE uploads SET locked_until = now() + make_interval(secs => $3::float8)
    WHERE id = $1 AND locked_by = $2 AND ended_at IS NULL RETURNING id`,
};

export const COMPLETED = {
  name: 'direct_completed',
  text: `UPDATE uploads SET state = 'completed', file_id = $3, ended_at = now(), locked_until = NULL
    WHERE id = $1 AND locked_by = $2 RETURNING id`,
};

/** Its client may go on with it. */
export const REOPEN = {
  name: 'direct_reopen',
  text: `UPDATE uploads SET state = 'open', locked_by = NULL, locked_until = NULL
    WHERE id = $1 AND locked_by = $2 AND state = 'completing' RETURNING id`,
};

/** For others to go on with, but not for ever. */
export const UNLOCK = {
  name: 'direct_unlock',
  text: `UPDATE uploads SET locked_by = NULL, locked_until = NULL,
      state = CASE WHEN state = 'completing' AND expires_at <= now() THEN 'open' ELSE state END
    WHERE id = $1 AND locked_by = $2 RETURNING id`,
};

export const ABORTED = {
  name: 'direct_aborted',
  text: `UPDATE uploads SET ended_at = now(), locked_until = NULL
    WHERE id = $1 AND locked_by = $2 AND state = 'aborted' RETURNING id`,
};

/** What an upload has become, whatever happened to the file since. */
export const FILE_OF = {
  name: 'direct_file_of',
  text: `SELECT id FROM cloud_files WHERE cloud_config_id = $1 AND object_key = $2
    UNION ALL SELECT file_id AS id FROM file_versions WHERE cloud_config_id = $1 AND object_key = $2`,
};

export const REPLACEABLE = {
  name: 'direct_replaceable',
  text: `SELECT id FROM cloud_files WHERE id = $1 AND user_id = $2 AND state = 'stored'`,
};

export interface UploadRow {
  readonly id: string;
  readonly user_id: number;
  readonly cloud_config_id: number;
  readonly state: 'open' | 'completing' | 'completed' | 'aborted';
  readonly object_key: string;
  readonly filename: string;
  readonly folder: string;
  readonly content_type: string;
  readonly tags: string[];
  readonly size_bytes: string;
  readonly part_bytes: string | null;
  readonly checksum: string | null;
  readonly checksum_bound: boolean;
  readonly md5: string | null;
  readonly multipart_id: string | null;
  readonly replaces_file_id: number | null;
  readonly file_id: number | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}
