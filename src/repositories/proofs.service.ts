import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';

/** Writes down what was proven: a snapshot of which everything came back, each hash equal. */
@Injectable()
export class Proofs {
  /**
   * To be called in the transaction in which a restore or a drill ends; one of a part of the snapshot, or one that did
   * not succeed or was not verified, proves nothing.
   */
  async record(manager: EntityManager, restoreId: string): Promise<void> {
    await manager.query(RECORD, [restoreId]);
  }
}

const RECORD = `
  WITH proof AS (
    SELECT snapshot_id, workspace_id, coalesce(finished_at, now()) AS proven_at FROM restores
      WHERE id = $1 AND state = 'succeeded' AND paths = '[]' AND (result ->> 'verified')::boolean
  ), snapshot AS (
    UPDATE snapshots s SET last_proven_at = greatest(s.last_proven_at, proof.proven_at)
      FROM proof WHERE s.id = proof.snapshot_id
  )
  UPDATE workspaces w SET last_proven_at = greatest(w.last_proven_at, proof.proven_at)
    FROM proof WHERE w.id = proof.workspace_id`;
