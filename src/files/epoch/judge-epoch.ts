import { isSameDatabase } from './database-identity.js';
import type { EpochMark } from './epoch-object.js';

/** The row of `bucket_epochs` for one place. */
export interface EpochRow {
  readonly id: string;
  readonly epochId: string;
  readonly previousEpochId: string | null;
  readonly counter: number;
  readonly databaseId: string;
  readonly writtenAtMs: number;
  /** How far the provider's clock was ahead of ours at that time. */
  readonly clockOffsetMs: number;
}

/** Why rows and bucket do not belong together. */
export type EpochDoubt =
  /** Somebody else's Stowage writes there, too. */
  | 'other_installation'
  /** This database is a copy: restored, cloned or moved. */
  | 'other_database'
  /** The bucket has seen a later state of the rows than these. */
  | 'database_behind'
  /** The object is not there any more. */
  | 'object_lost'
  /** The object holds something else. */
  | 'object_unreadable';

export type EpochVerdict =
  /** Neither knows of the other: nothing of ours was ever looked after here. */
  | { readonly kind: 'unwritten' }
  | { readonly kind: 'current'; readonly row: EpochRow }
  /** The row was written and its object was not, or not yet. */
  | { readonly kind: 'unfinished'; readonly row: EpochRow }
  | { readonly kind: 'different'; readonly doubt: EpochDoubt };

export interface EpochFacts {
  readonly row: EpochRow | undefined;
  readonly object: EpochMark | 'unreadable' | undefined;
  readonly installationId: string;
  readonly databaseId: string;
}

/**
 * Whether the rows know everything that the bucket has seen. A row is written before its object, and both get a new
 * random id each time: so an object that these rows do not know was written by rows that came later than these.
 */
export function judgeEpoch({ row, object, installationId, databaseId }: EpochFacts): EpochVerdict {
  if (object === 'unreadable') return different('object_unreadable');
  if (object !== undefined && object.installationId !== installationId)
    return different('other_installation');
  if (row === undefined) return object === undefined ? { kind: 'unwritten' } : different('database_behind');
  if (!isSameDatabase(row.databaseId, databaseId)) return different('other_database');
  if (object === undefined) {
    return row.counter === 1 ? { kind: 'unfinished', row } : different('object_lost');
  }
  if (object.bucketId !== row.id) return different('database_behind');
  if (object.epochId === row.epochId && object.counter === row.counter) return { kind: 'current', row };
  const isOneBefore = object.epochId === row.previousEpochId && object.counter === row.counter - 1;
  return isOneBefore ? { kind: 'unfinished', row } : different('database_behind');
}

function different(doubt: EpochDoubt): EpochVerdict {
  return { kind: 'different', doubt };
}
