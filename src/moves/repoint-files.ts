import type { EntityManager } from 'typeorm';
import type { ProviderName } from '../storage-providers/storage-provider.js';
import type { FileMove } from './file-move.entity.js';

/**
 * Lets files and versions name their copies. Files first: one that gets a new version at this very moment has its old
 * content in `file_versions` by the time of the second statement. What is missed even so is found at the next time.
 * @returns how many rows
 */
export async function repointFiles(
  manager: EntityManager,
  { id, userId, targetConfigId }: FileMove,
  provider: ProviderName,
): Promise<number> {
  const values = [id, userId, targetConfigId, provider];
  const [, files] = await manager.query<[unknown, number]>(FILES, values);
  const [, versions] = await manager.query<[unknown, number]>(VERSIONS, values);
  return files + versions;
}

/** A checksum that nobody had computed is known now. */
const CHANGES = `cloud_config_id = $3, provider = $4, object_key = item.target_key, cloud_url = item.cloud_url,
  etag = nullif(item.etag, ''),
  checksum_source = CASE WHEN named.checksum IS NULL THEN 'server' ELSE named.checksum_source END,
  checksum = coalesce(named.checksum, item.checksum), crc32 = coalesce(named.crc32, item.crc32)`;

const MATCH = `item.move_id = $1 AND item.state = 'copied' AND named.user_id = $2
  AND named.cloud_config_id = item.source_config_id AND named.object_key = item.source_key`;

const FILES = `UPDATE cloud_files named SET ${CHANGES}, missing_since = NULL
  FROM file_move_items item WHERE ${MATCH} AND named.state IN ('stored', 'trashed')`;

const VERSIONS = `UPDATE file_versions named SET ${CHANGES}
  FROM file_move_items item WHERE ${MATCH} AND named.state = 'kept'`;
