import {
  loadSnapshot,
  planRestore,
  type Progress,
  restoreSnapshot,
  SnapshotBrowser,
  type RestoreResult,
  type RestoreRun,
  type StoredSnapshot,
  type Workers,
} from '../../snapshot-engine/index.js';
import type { CountedRepository } from '../maintenance/repository-access.service.js';
import { openToOwner } from './scratch-space.js';
import { drillExtent, type DrillExtent, type DrillProbe, type EntryPath } from './drill-extent.js';

export interface Rehearsal {
  /** Of the snapshot, in the repository. */
  readonly objectId: string;
  /** Absolute; what lies there is this drill's. */
  readonly target: string;
  readonly limitBytes: number;
  readonly workers: Workers;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export interface RehearsalOutcome {
  readonly extent: DrillExtent;
  readonly restored: RestoreResult;
  /** What lies on the disk was read back and compared with the repository, blob by blob, and all of it is equal. */
  readonly verified: boolean;
}

/** Memory is about 600 bytes an entry; a snapshot with more is rehearsed in part. */
const MAX_ENTRIES = 500_000;
const CHILDREN_LOOKED_AT = 1_000;

/**
 * Restores a snapshot, or as much of it as there is room for, as its owner's host would, and reads everything back. Reads
 * the snapshot, the indexes and the trees from the bucket, nothing from memory.
 * @throws what restoreSnapshot does
 */
export async function rehearseRestore(
  { repository }: CountedRepository,
  rehearsal: Rehearsal,
): Promise<RehearsalOutcome> {
  const { objectId, target, limitBytes, workers, random, signal, onProgress } = rehearsal;
  const snapshot = await loadSnapshot(repository, objectId, { signal });
  const index = await repository.loadIndex({ signal });
  // Nobody else owns what lies in scratch space, and devices are not made there.
  const run: RestoreRun = { workers, signal, owners: 'none', limits: { entries: MAX_ENTRIES } };
  const plan = (paths: readonly EntryPath[] | undefined, options: Partial<RestoreRun> = {}) =>
    planRestore(repository, index, snapshot, target, { ...run, ...pathsOf(paths), ...options });
  const probe = probeOf(new SnapshotBrowser({ repository, index }), snapshot, signal, async (path) => {
    const { summary } = await plan(path.length === 0 ? undefined : [path]);
    return summary.bytesToWrite;
  });
  const extent = await drillExtent(probe, limitBytes, random);
  const selected = { ...run, ...pathsOf(extent.paths), onProgress };
  const restored = await restoreSnapshot(repository, index, snapshot, target, selected);
  await openToOwner(target);
  const { summary } = await plan(extent.paths, { into: 'in-place', verify: 'content' });
  return { extent, restored, verified: summary.create + summary.overwrite === 0 };
}

function pathsOf(paths: readonly EntryPath[] | undefined): Pick<RestoreRun, 'paths'> {
  return paths === undefined ? {} : { paths: paths.map(joined) };
}

function joined(path: EntryPath): Buffer {
  return Buffer.concat(path.flatMap((name, at) => (at === 0 ? [name] : [Buffer.from('/'), name])));
}

function probeOf(
  browser: SnapshotBrowser,
  snapshot: StoredSnapshot,
  signal: AbortSignal,
  bytesAt: DrillProbe['bytesAt'],
): DrillProbe {
  const directories = new Set<string>();
  return {
    bytesAt,
    isDirectory: (path) => directories.has(joined(path).toString('latin1')),
    async children(path) {
      const options = { limit: CHILDREN_LOOKED_AT, signal };
      const { entries } = await browser.listDirectory(snapshot, path, options);
      return entries.map(({ name, type }) => {
        const child = [...path, Buffer.from(name)];
        if (type === 'dir') directories.add(joined(child).toString('latin1'));
        return child;
      });
    },
  };
}
