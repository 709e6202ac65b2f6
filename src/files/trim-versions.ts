/**
 * Gives up the versions of one file that are more than its user wants to keep, the oldest first; whoever finishes
 * deletions removes their objects. Parameters: file, user, `keep_versions` of a user without settings.
 */
export const TRIM_ONE = `UPDATE file_versions SET state = 'deleting' WHERE id IN (
  SELECT id FROM file_versions WHERE file_id = $1 AND state = 'kept' ORDER BY version DESC
  OFFSET coalesce((SELECT keep_versions FROM sync_settings WHERE user_id = $2), $3::integer))`;

/** Of all files, after a user's wish or a file's protection has changed. */
const TOO_MANY = `FROM (
      SELECT id, file_id, user_id, cloud_config_id, row_number() OVER (PARTITION BY file_id ORDER BY version DESC) AS nth
      FROM file_versions WHERE state = 'kept') v
    JOIN cloud_files f ON f.id = v.file_id AND NOT f.protected
    LEFT JOIN sync_settings s ON s.user_id = v.user_id
  WHERE v.nth > coalesce(s.keep_versions, $1::integer)`;

/**
 * Configurations that hold versions to be given up, or such as were given up already. Parameter: `keep_versions` of a
 * user without settings.
 */
export const BUCKETS_TO_TRIM = `SELECT DISTINCT v.user_id, v.cloud_config_id ${TOO_MANY}
  UNION SELECT user_id, cloud_config_id FROM file_versions WHERE state = 'deleting'`;

/**
 * As `TRIM_ONE` for all files; at most so many. A file that is being protected is waited for. Parameters:
 * `keep_versions` of a user without settings, limit, configurations.
 */
export const TRIM_ALL = `UPDATE file_versions SET state = 'deleting' WHERE state = 'kept' AND id IN (
  SELECT v.id ${TOO_MANY} AND v.cloud_config_id = ANY ($3::integer[]) ORDER BY v.id LIMIT $2 FOR SHARE OF f)`;
