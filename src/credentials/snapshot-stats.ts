/** What the settings page shows of a user's snapshots. */
export interface SnapshotTotals {
  readonly totalSnapshots: number;
  readonly totalBytes: number;
  readonly lastSnapshot: Date | null;
}

/** Implemented by the snapshots above; injected by this class. */
export abstract class SnapshotStats {
  abstract ofUser(userId: number): Promise<SnapshotTotals>;
}
