import type { ObjectInfo, UnfinishedUpload } from '../storage-providers/storage-provider.js';

/** A row that is not a file: its upload or its deletion ended half-way. */
export interface UnfinishedRow {
  readonly id: number;
  readonly filename: string;
  readonly objectKey: string;
  readonly state: 'pending' | 'deleting';
  readonly uploadId: string | undefined;
  readonly since: Date;
}

/** What uploads and deletions that nobody finished left behind in one bucket. */
export interface Leftovers {
  readonly rows: readonly UnfinishedRow[];
  /** Objects that no row names: their upload ended before its row, or their row was lost. */
  readonly objects: readonly ObjectInfo[];
  /** Multipart uploads at the provider that no pending row names. */
  readonly uploads: readonly UnfinishedUpload[];
}

/**
 * Tells leftovers from work under way: whatever is younger than `olderThanMs` may still become a file.
 * @param found everything that is not a file, whatever its age
 * @param nowMs milliseconds since the epoch
 */
export function oldEnough(found: Leftovers, nowMs: number, olderThanMs: number): Leftovers {
  const isOld = (date: Date) => nowMs - date.getTime() >= olderThanMs;
  return {
    rows: found.rows.filter(({ since }) => isOld(since)),
    objects: found.objects.filter(({ lastModified }) => isOld(lastModified)),
    uploads: found.uploads.filter(({ startedAt }) => isOld(startedAt)),
  };
}

/** The first of each kind, for a report of bounded length. */
export function firstOf(leftovers: Leftovers, most: number): Leftovers & { readonly truncated: boolean } {
  const { rows, objects, uploads } = leftovers;
  return {
    rows: rows.slice(0, most),
    objects: objects.slice(0, most),
    uploads: uploads.slice(0, most),
    truncated: [rows, objects, uploads].some((kind) => kind.length > most),
  };
}
