import type { EntityManager } from 'typeorm';

/** These files exist no longer. */
export async function deleteStoredRows(
  manager: EntityManager,
  repositoryId: string,
  ids: readonly string[],
): Promise<void> {
  await manager.query('DELETE FROM stored_packs WHERE repository_id = $1 AND id = ANY ($2::bytea[])', [
    repositoryId,
    ids.map((id) => Buffer.from(id, 'hex')),
  ]);
}

/** Files that were ordered long ago and are not there, or not any more. */
export async function forgetStaleOrders(
  manager: EntityManager,
  repositoryId: string,
  present: readonly string[],
  before: Date,
): Promise<void> {
  await manager.query(
    `DELETE FROM stored_packs p WHERE p.repository_id = $1 AND p.ordered_at < $3
      AND NOT EXISTS (SELECT FROM unnest($2::bytea[]) AS present (id) WHERE present.id = p.id)`,
    [repositoryId, present.map((id) => Buffer.from(id, 'hex')), before],
  );
}
