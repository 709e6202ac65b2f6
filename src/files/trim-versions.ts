/**
 * Gives up the versions of one file that are more than its user wants to keep, the oldest first; whoever finishes
 * deletions removes their objects. Parameters: file, user, `keep_versions` of a user without settings.
 */
export const TRIM_ONE = `UPDATE file_versions SET state = 'deleting' WHERE id IN (
  SELECT id FROM file_versions WHERE file_id = $1 AND state = 'kept' ORDER BY version DESC
  OFFSET coalesce((SELECT keep_versions FROM sync_settings WHERE user_id = $2), $3::integer))`;

/**
 * The same for all files, after a user's wish or a file's protection has changed; at most so many. Parameters:
 * `keep_versions` of a user without settings, limit.
 */
export const TRIM_ALL = `UPDATE file_versions SET state = 'deleting' WHERE state = 'kept' AND id IN (
  SELECT v.id FROM (
      SELECT id, file_id, user_id, row_number() OVER (PARTITION BY file_id ORDER BY version DESC) AS nth
      FROM file_versions WHERE state = 'kept') v
    JOIN cloud_files f ON f.id = v.file_id AND NOT f.protected
    LEFT JOIN sync_settings s ON s.user_id = v.user_id
  WHERE v.nth > coalesce(s.keep_versions, $1::integer) LIMIT $2)`;
