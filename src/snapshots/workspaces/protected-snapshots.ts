import type { EntityManager } from 'typeorm';
import { SnapshotsError } from '../snapshots-error.js';

/** @throws SnapshotsError `snapshot_protected` */
export async function assertNoneProtected(manager: EntityManager, workspaceId: string): Promise<void> {
  const [{ count }] = await manager.query<[{ count: string }]>(
    'SELECT count(*) FROM snapshots WHERE workspace_id = $1 AND is_protected',
    [workspaceId],
  );
  if (count === '0') return;
  throw new SnapshotsError(
    'snapshot_protected',
    `${count} of its snapshots are protected. Take their protection off first, or keep the snapshots.`,
  );
}
