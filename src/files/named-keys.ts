import type { Statements } from '../database/statements.js';

/**
 * Configurations of other times, and of other users, may share the bucket: their rows count as well. The view knows
 * every key that a file, a version or an upload under way needs.
 */
const NAMED_KEYS = {
  name: 'files_named_keys',
  text: `SELECT object_key FROM file_object_keys
    WHERE object_key = ANY($2::text[]) AND cloud_config_id IN
      (SELECT id FROM cloud_configs WHERE bucket_name = (SELECT bucket_name FROM cloud_configs WHERE id = $1))`,
};

/** Slow, and safe even where one bucket has two names. */
const NAMED_ANYWHERE = {
  name: 'files_named_anywhere',
  text: 'SELECT object_key FROM file_object_keys WHERE object_key = ANY($1::text[])',
};

const NAMED_UPLOADS = {
  name: 'files_named_uploads',
  text: `SELECT upload_id FROM cloud_files WHERE state = 'pending' AND upload_id = ANY($1::text[])
    UNION ALL SELECT multipart_id FROM uploads WHERE ended_at IS NULL AND multipart_id = ANY($1::text[])`,
};

/** Which of these keys rows of the same bucket need. */
export async function namedKeys(
  statements: Statements,
  configId: number,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const rows = await statements.query<{ object_key: string }>(NAMED_KEYS, [configId, keys]);
  return new Set(rows.map((row) => row.object_key));
}

/** Which of these keys any row needs, whatever its bucket is called. */
export async function namedAnywhere(
  statements: Statements,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await statements.query<{ object_key: string }>(NAMED_ANYWHERE, [keys]);
  return new Set(rows.map((row) => row.object_key));
}

/** Which of the provider's multipart uploads belong to an upload under way. */
export async function namedUploads(
  statements: Statements,
  uploadIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (uploadIds.length === 0) return new Set();
  const rows = await statements.query<{ upload_id: string }>(NAMED_UPLOADS, [uploadIds]);
  return new Set(rows.map((row) => row.upload_id));
}
