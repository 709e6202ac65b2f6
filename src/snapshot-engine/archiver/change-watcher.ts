import type { ChangedPaths } from './visit-plan.js';

/** Why nobody knows what changed, so that everything must be looked at. */
export const UNKNOWN_REASONS = ['events_lost', 'too_many_changes', 'watch_limit', 'watcher_failed'] as const;

export type UnknownReason = (typeof UNKNOWN_REASONS)[number];

export type TakenChanges =
  ({ readonly known: true } & ChangedPaths) | { readonly known: false; readonly reason: UnknownReason };

/** Tells which entries of a workspace changed. It may tell too much, and what it cannot tell it admits. */
export interface ChangeWatcher {
  /** Called before a directory is listed, relative to the workspace's root: from now on its changes must be known. */
  watch(directory: Buffer): void;
  /** What changed since the last call. */
  take(): TakenChanges;
  /** A sentence for the operator when watching does not work; `undefined` when it does. */
  readonly problem: string | undefined;
  close(): void;
}

export type OpenWatcher = (workspace: Buffer) => ChangeWatcher;
