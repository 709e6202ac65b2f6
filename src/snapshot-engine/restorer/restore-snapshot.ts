import { LoopPacer } from '../blob-index/loop-pacer.js';
import { RepositoryError } from '../errors/repository-error.js';
import type { BadPack } from '../repository/bad-packs.js';
import { closeFd } from '../filesystem/open-beneath.js';
import type { Workers } from '../workers/worker-service.js';
import { throwIfCancelled } from '../errors/cancellation.js';
import { ContentRestorer } from './content-restorer.js';
import type { Failure } from './entry-failure.js';
import { RestoreContext } from './restore-context.js';
import { OtherCopies } from './other-copies.js';
import type { RestoreOptions } from './restore-options.js';
import type { PlannedEntry, RestorePlan, RestoreSummary } from './restore-plan.js';
import type { BlobLookup, RestoreSource } from './restore-source.js';
import { RestoreProgress } from './restore-progress.js';
import { RestoreSteps } from './restore-steps.js';
import { freeBytes, openTarget, prepareTarget, removeMarker, type TargetRoot } from './target-root.js';
import type { Refusal } from './wanted-entry.js';

/** What of a snapshot a restore must know. */
export interface RestorableSnapshot {
  readonly id: string;
  /** Id of the root tree. */
  readonly tree: string;
}

export interface RestoreResult {
  readonly summary: RestoreSummary;
  /** Not restored because it must not or cannot be, known beforehand. */
  readonly refused: readonly Refusal[];
  /** Not restored because something went wrong; everything else is whole. */
  readonly failed: readonly Failure[];
  /** Packs that did not hold what an index says. What was brought came from other copies then, and is right. */
  readonly badPacks: readonly BadPack[];
  readonly filesRestored: number;
  readonly bytesFetched: number;
}

export interface RestoreRun extends RestoreOptions {
  readonly workers: Workers;
}

/**
 * What a restore would do, without doing it: reads the snapshot's trees and the target, compares files where asked.
 * Rejects with `path_not_found`, `target_unwritable` (the target is not empty), `unsafe_repository` (more entries than
 * the limit), `cancelled`, and StorageErrors.
 */
export async function planRestore(
  source: RestoreSource,
  index: BlobLookup,
  snapshot: RestorableSnapshot,
  target: Uint8Array | string,
  run: RestoreRun,
): Promise<RestorePlan> {
  const root = openTarget(Buffer.from(target), run.into ?? 'new-directory', snapshot.id);
  try {
    const context = await RestoreContext.open(source, index, run.workers, root, run);
    try {
      return await context.plan(snapshot.tree, root);
    } finally {
      await context.close();
    }
  } finally {
    if (root !== undefined) closeFd(root.fd);
  }
}

/**
 * Restores a snapshot, or parts of it, into the directory `target`, and writes nowhere else, whatever the snapshot says
 * and whatever links lie in the target. Files appear under their names only when they are whole and verified, with all
 * their metadata: an interrupted restore is therefore resumed by starting it again, and what is there is kept by its
 * size and time. Large files that were under way go on from the blobs that reached the disk.
 *
 * Rejects as `planRestore` does, and with `target_unwritable` when the disk is full or read-only. What concerns single
 * entries is in the result.
 */
export async function restoreSnapshot(
  source: RestoreSource,
  index: BlobLookup,
  snapshot: RestorableSnapshot,
  target: Uint8Array | string,
  run: RestoreRun,
): Promise<RestoreResult> {
  throwIfCancelled('restore', run.signal);
  const root = prepareTarget(Buffer.from(target), run.into ?? 'new-directory', snapshot.id);
  try {
    const context = await RestoreContext.open(source, index, run.workers, root, run);
    try {
      const progress = new RestoreProgress(run.onProgress);
      const onEntries = (count: number): void => progress.found(count);
      const plan = await context.plan(snapshot.tree, root, { opensClosed: true, onEntries });
      assertSpace(plan, root, context.limits.bytes);
      const failures = new Map<string, Failure>();
      // The first failure of an entry is the cause of its others.
      const onFailure = (failure: Failure): void => {
        if (!failures.has(failure.path)) failures.set(failure.path, failure);
      };
      const steps = new RestoreSteps(context.workers, onFailure, run.signal);
      await apply(context, plan, root, { steps, progress, onFailure });
      if (run.into !== 'in-place') removeMarker(root.fd);
      // After the marker: taking it away changes the time of the target, which may not allow it once it is dressed.
      await steps.dressTarget(plan);
      progress.end();
      const { filesRestored, bytesFetched } = progress;
      const { summary, refused } = plan;
      const badPacks = context.badPacks.list();
      return { summary, refused, failed: [...failures.values()], badPacks, filesRestored, bytesFetched };
    } finally {
      await context.close();
    }
  } finally {
    closeFd(root.fd);
  }
}

interface Applied {
  readonly steps: RestoreSteps;
  readonly progress: RestoreProgress;
  readonly onFailure: (failure: Failure) => void;
}

/** Everything but the target's own metadata. */
async function apply(
  context: RestoreContext,
  plan: RestorePlan,
  root: TargetRoot,
  { steps, progress, onFailure }: Applied,
): Promise<void> {
  const { signal, verify } = context.options;
  await steps.makeRoom(plan);
  await steps.makeDirectories(plan);
  const written = plan.entries.filter(isWritten);
  progress.writes(plan.summary, written.length);
  const others = new OtherCopies(context.index, context.badPacks);
  const content = new ContentRestorer(context.fetcher, others, context.workers, {
    onFile: (path) => progress.onFile(path),
    onBytes: (bytes) => progress.onBytes(bytes),
    onFailure,
  });
  const pacer = new LoopPacer();
  for (const planned of written) {
    if (pacer.isDue) await pacer.rest();
    const parts = context.content.resolve(planned.entry);
    if (typeof parts === 'string') throw new TypeError('A file was planned that cannot be restored.');
    content.add(planned, parts);
  }
  await content.run(signal);
  progress.finishes();
  await steps.dressKept(plan, verify === 'content' || root.resumes === 'before-boot');
  await steps.place(plan);
  await steps.delete(plan);
  await steps.dressDirectories(plan);
}

/** Files whose content is brought; further names of a file come later. */
function isWritten({ entry, action, linkTo }: PlannedEntry): boolean {
  return entry.type === 'file' && action !== 'keep' && linkTo === undefined;
}

/** Refuses before anything is written what cannot end well. */
function assertSpace(
  { summary, entries }: RestorePlan,
  root: TargetRoot,
  maxBytes: number | undefined,
): void {
  const { bytesToWrite } = summary;
  if (maxBytes !== undefined && bytesToWrite > maxBytes) {
    throw new RepositoryError(
      'target_unwritable',
      `The restore would write ${bytesToWrite} bytes; ${maxBytes} are allowed.`,
    );
  }
  // What is replaced gives its space back one by one.
  if (entries.some(({ action }) => action === 'overwrite')) return;
  const free = freeBytes(root.fd);
  if (bytesToWrite > free) {
    throw new RepositoryError(
      'target_unwritable',
      `The restore needs ${bytesToWrite} bytes, but only ${free} are free in the target; make room for it.`,
    );
  }
}
