/**
 * Are we safe? `protected`: the newest restorable snapshot is young enough. `waiting`: no run was due yet. `partial`:
 * files are missing from it. `overdue`: it is too old. `failed`: runs end with an error, or the
 * repository is damaged. `locked`: another program holds the repository, or another agent the lease. `paused`: nobody
 * wants snapshots now.
 */
export const WORKSPACE_HEALTHS = [
  'protected',
  'waiting',
  'partial',
  'overdue',
  'failed',
  'locked',
  'paused',
] as const;
export type WorkspaceHealth = (typeof WORKSPACE_HEALTHS)[number];
