/**
 * Gives up the versions of one file that are more than its user wants to keep, the oldest first; whoever finishes
 * deletions removes their objects. Parameters: file, user, `keep_versions` of a user without settings.
 */
export const TRIM_ONE = `UPDATE file_versions SET state = 'deleting' WHERE id IN (
  SELECT id FROM file_versions WHERE file_id = $1 AND state = 'kept' ORDER BY version DESC
  OFFSET coalesce((SELECT keep_versions FROM sync_settings WHERE user_id = $2), $3::integer))`;
