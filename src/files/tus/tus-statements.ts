const COLUMNS = `id, user_id, cloud_config_id, state, object_key, filename, folder, content_type, tags, metadata,
  size_bytes, part_bytes, checksum, computed_checksum, multipart_id, received_bytes, tail_key, tail_bytes, crc32,
  next_part, file_id, expires_at`;

const OPEN = `kind = 'tus' AND ended_at IS NULL`;
const UNTIL = (seconds: string) => `now() + make_interval(secs => ${seconds}::float8)`;
const EXPIRY = (hours: string) => `now() + make_interval(hours => ${hours}::integer)`;

/** Repeated, it finds the row that the first attempt made. */
export const INSERT = {
  name: 'tus_insert',
  text: `INSERT INTO uploads (id, user_id, cloud_config_id, kind, object_key, filename, folder, content_type, tags, metadata,
      size_bytes, part_bytes, checksum, crc32, locked_by, locked_until, expires_at)
    VALUES ($1, $2, $3, 'tus', $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13::uuid,
      CASE WHEN $13::uuid IS NOT NULL THEN ${UNTIL('$14')} END, ${EXPIRY('$15')})
    ON CONFLICT (id) DO UPDATE SET kind = 'tus'
    RETURNING ${COLUMNS}, locked_by`,
};

export const FIND = {
  name: 'tus_find',
  text: `SELECT ${COLUMNS}, CASE WHEN ended_at IS NULL AND locked_until > now() THEN locked_by END AS locked_by
    FROM uploads WHERE id = $1 AND user_id = $2 AND kind = 'tus'`,
};

/**
 * A lock that was not released may have sent a part that nobody knows of, and may be sending it yet: its number is left
 * to it.
 */
export const LOCK = {
  name: 'tus_lock',
  text: `UPDATE uploads SET locked_by = $3::uuid, locked_until = ${UNTIL('$4')},
      next_part = next_part + (CASE WHEN coalesce(locked_by, $3::uuid) = $3::uuid THEN 0 ELSE 1 END)
    WHERE id = $1 AND user_id = $2 AND ${OPEN}
      AND (locked_by IS NULL OR locked_by = $3::uuid OR locked_until <= now())
    RETURNING ${COLUMNS}, locked_by`,
};

export const RENEW = {
  name: 'tus_renew',
  text: `UPDATE uploads SET locked_until = ${UNTIL('$3')} WHERE id = $1 AND locked_by = $2 AND ${OPEN} RETURNING id`,
};

export const RELEASE = {
  name: 'tus_release',
  text: `UPDATE uploads SET locked_by = NULL, locked_until = NULL, next_part = greatest(next_part, $3)
    WHERE id = $1 AND locked_by = $2 RETURNING id`,
};

/** The progress and the parts that it consists of, in one statement. */
export const MOVE = {
  name: 'tus_move',
  text: `WITH moved AS (
      UPDATE uploads SET received_bytes = $3, crc32 = $4, tail_key = $5, tail_bytes = $6, next_part = $7,
        state = CASE WHEN $8::text IS NULL THEN 'open' ELSE 'completing' END, object_key = coalesce($8, object_key),
        computed_checksum = $9, locked_until = ${UNTIL('$10')}, expires_at = ${EXPIRY('$11')}
      WHERE id = $1 AND locked_by = $2 AND ${OPEN} RETURNING id
    ), kept AS (
      INSERT INTO upload_parts (upload_id, part_number, size_bytes, etag)
      SELECT moved.id, part.number, part.size_bytes, part.etag
        FROM moved, unnest($12::integer[], $13::bigint[], $14::varchar[]) AS part (number, size_bytes, etag)
      ON CONFLICT DO NOTHING
    ) SELECT id FROM moved`,
};

const HELD = `WHERE id = $1 AND locked_by = $2 AND ${OPEN} RETURNING id`;
const ENDED = 'ended_at = now(), locked_until = NULL, tail_key = NULL, tail_bytes = 0';

export const SET = {
  multipartId: { name: 'tus_set_multipart', text: `UPDATE uploads SET multipart_id = $3 ${HELD}` },
  size: { name: 'tus_set_size', text: `UPDATE uploads SET size_bytes = $3 ${HELD}` },
  /** Repeated, they still find their own lock, which means nothing any more. */
  completed: {
    name: 'tus_complete',
    text: `UPDATE uploads SET state = 'completed', file_id = $3, ${ENDED}
      WHERE id = $1 AND locked_by = $2 AND state <> 'aborted' RETURNING id`,
  },
  aborted: {
    name: 'tus_abort',
    text: `UPDATE uploads SET state = 'aborted', ${ENDED} WHERE id = $1 AND locked_by = $2 AND state <> 'completed' RETURNING id`,
  },
};

export const PARTS = {
  name: 'tus_parts',
  text: `SELECT part_number, size_bytes, etag FROM upload_parts WHERE upload_id = $1 ORDER BY part_number`,
};

export const FIND_FILE = {
  name: 'tus_find_file',
  text: `SELECT id FROM cloud_files WHERE cloud_config_id = $1 AND object_key = $2 AND state <> 'pending'
    UNION ALL SELECT file_id AS id FROM file_versions WHERE cloud_config_id = $1 AND object_key = $2`,
};
