import { Injectable } from '@nestjs/common';
import { SnapshotStats, type SnapshotTotals } from '../credentials/snapshot-stats.js';
import { Statements } from '../database/statements.js';

const TOTALS = {
  name: 'snapshots.totals',
  text: `SELECT count(*)::text AS snapshots, coalesce(sum(stored_bytes), 0)::text AS bytes, max(received_at) AS last
    FROM snapshots WHERE user_id = $1 AND state = 'restorable'`,
};

/** Counts the snapshots that can be restored; one that is still being committed is not one yet. */
@Injectable()
export class StoredSnapshotStats extends SnapshotStats {
  constructor(private readonly statements: Statements) {
    super();
  }

  async ofUser(userId: number): Promise<SnapshotTotals> {
    const [row] = await this.statements.query<{ snapshots: string; bytes: string; last: Date | null }>(
      TOTALS,
      [userId],
    );
    return {
      totalSnapshots: Number(row?.snapshots ?? 0),
      totalBytes: Number(row?.bytes ?? 0),
      lastSnapshot: row?.last ?? null,
    };
  }
}
