import type { RemoteService } from '../workers/worker-service.js';
import { throwIfCancelled } from '../errors/cancellation.js';
import { leastBusy } from '../workers/least-busy.js';
import { joinPath } from './raw-path.js';
import { openStatus } from '../filesystem/entry-status.js';
import { isClosedToOwner } from './target-directories.js';
import { targetEntryOf, type ScannedEntry } from './target-scan.js';
import type { TargetEntry, TargetTree } from './target-tree.js';
import { isReservedName, MARKER_NAME } from './temporary-names.js';

/** Directories read by one call of a thread. */
const DIRECTORIES_PER_CALL = 64;

export interface ReadTargetOptions {
  /** Also what the snapshot does not have, for a mirror, which must know what it deletes. */
  readonly everything: boolean;
  /**
   * Open up directories of the snapshot that are closed to their owner, as an earlier restore has left them: what is in
   * them would be taken for missing. The restore closes them in the end.
   */
  readonly opensClosed: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * What lies in the target, in the directories that the snapshot has too. Other file systems that are mounted there are
 * not entered.
 */
export async function readTarget(
  root: number,
  workers: readonly RemoteService[],
  wantedDirectories: ReadonlySet<string>,
  { everything, opensClosed, signal }: ReadTargetOptions,
): Promise<TargetTree> {
  const status = openStatus(root);
  const entries = new Map<string, TargetEntry>([['', targetEntryOf(status, status.deviceId)]]);
  const temporary = new Set<string>();
  let level = [''];
  while (level.length > 0) {
    const next: string[] = [];
    const closed: { readonly path: string; readonly replace: false }[] = [];
    const batches = batchesOf(level, DIRECTORIES_PER_CALL);
    await Promise.all(
      batches.map(async (batch) => {
        throwIfCancelled('restore', signal);
        const listed = await leastBusy(workers).call<ScannedEntry[][]>('scan', batch);
        for (const [index, directory] of batch.entries()) {
          for (const { name, ...entry } of listed[index]!) {
            const path = joinPath(directory, name);
            if (isReservedName(name) && entry.type !== 'dir') {
              if (name !== MARKER_NAME || directory !== '') temporary.add(path);
              continue;
            }
            entries.set(path, entry);
            const enters =
              entry.type === 'dir' && (wantedDirectories.has(path) || (everything && entry.sameFileSystem));
            if (enters) next.push(path);
            if (opensClosed && isClosedToOwner(entry.permissions) && wantedDirectories.has(path))
              closed.push({ path, replace: false });
          }
        }
      }),
    );
    // Those of others stay closed; what is to be done in them fails by name.
    for (const batch of batchesOf(closed, DIRECTORIES_PER_CALL)) {
      await leastBusy(workers).call('makeDirectories', batch);
    }
    level = next;
  }
  return { entries, temporary };
}

export function batchesOf<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size));
  return batches;
}
