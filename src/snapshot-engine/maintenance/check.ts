import { BlobIndex } from '../blob-index/blob-index.js';
import type { MasterKey } from '../crypto/master-key.js';
import { cancellable, throwIfCancelled } from '../errors/cancellation.js';
import type { Workers } from '../workers/worker-service.js';
import { affectedPaths, type AffectedPath } from './affected-paths.js';
import { checkData, type DataCheckResult, type PackListener, type ReadData } from './check-data.js';
import { checkFiles, type CheckedFiles } from './check-files.js';
import { checkPacks } from './check-packs.js';
import {
  error,
  messageOf,
  type CheckListener,
  type CheckProblem,
  type SufferingBlob,
} from './check-problem.js';
import { checkTrees } from './check-trees.js';
import type { DoomedPacks } from './doomed-packs.js';
import { lostBlobs } from './lost-blobs.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { loadIndexes } from './repository-state.js';

export interface CheckedRepository extends MaintainedRepository {
  readonly masterKey: MasterKey;
}

export interface CheckOptions {
  /** With the service `check`; see check-worker.ts. */
  readonly workers: Workers;
  /** `none` when absent: only the structure is checked. */
  readonly readData?: ReadData;
  /** Packs that wait for their deletion are no orphans. */
  readonly doomed?: DoomedPacks;
  /** Snapshots that must be there; nothing in a repository tells that one was removed. */
  readonly expectedSnapshots?: readonly string[];
  /** Called as soon as a problem is found, in no particular order. */
  readonly onProblem?: CheckListener;
  /** Bytes of packs, as they are read. */
  readonly onRead?: (bytes: number) => void;
  readonly onPackRead?: PackListener;
  readonly signal?: AbortSignal;
}

export interface CheckResult {
  readonly problems: readonly CheckProblem[];
  /** More problems than are kept in `problems`; all went to `onProblem`. */
  readonly problemCount: number;
  readonly errorCount: number;
  /** Paths that cannot be restored as they were; at most MAX_AFFECTED_PATHS. */
  readonly affected: readonly AffectedPath[];
  readonly snapshots: number;
  readonly packs: number;
  readonly packsRead: number;
  readonly bytesRead: number;
}

/** A broken repository may have millions of problems. */
const MAX_KEPT_PROBLEMS = 10_000;

/**
 * Looks for everything that can be wrong with a repository, stricter than restic's own check. The structure: every
 * small file, index against packs, every tree that a snapshot needs. The data: packs as a whole, each byte. Changes
 * nothing and needs no lock, but a lock of restic's kind keeps others from removing what is being read. Rejects with
 * StorageErrors and, after an abort, with `cancelled`: what is wrong with the repository is an answer.
 */
export function checkRepository(repository: CheckedRepository, options: CheckOptions): Promise<CheckResult> {
  const { signal } = options;
  return cancellable('check', signal, async () => {
    const result = await checkEverything(repository, options);
    // The rest was not looked at.
    throwIfCancelled('check', signal);
    return result;
  });
}

async function checkEverything(repository: CheckedRepository, options: CheckOptions): Promise<CheckResult> {
  const findings = new Findings(options.onProblem);
  const { signal, readData = 'none' } = options;
  const onProblem: CheckListener = (problem) => {
    // What cannot be read for an abort must not pass for damage.
    if (!signal?.aborted) findings.add(problem);
  };
  const doomed = new Set((await listDoomed(options, onProblem)).map(({ id }) => id));
  const checked = await checkFiles(repository, onProblem, signal);
  const { index, snapshots, packs } = checked;
  for (const id of options.expectedSnapshots ?? []) {
    if (!snapshots.has(id))
      onProblem(error('file_unreadable', `snapshot ${id}`, `Snapshot ${id} is missing.`));
  }
  await checkPacks(index, packs, (id) => doomed.has(id), onProblem);
  // What waits for its deletion is read by nobody, and may be waiting because it is damaged.
  const wanted = new Map([...packs].filter(([id]) => index.hasPack(id) || !doomed.has(id)));
  const [data] = await allOf(
    checkData({ ...repository, ...options, index, packs: wanted, readData, onProblem }),
    checkTrees(repository, { index, snapshots, onProblem, signal }),
  );
  await reportVanished(repository, checked, data, onProblem, signal);
  const lost = await lostBlobs(repository, index, findings.lost, signal);
  const affected = lost.length === 0 ? [] : await affectedPaths(repository, index, snapshots, lost, signal);
  return {
    problems: findings.kept,
    problemCount: findings.count,
    errorCount: findings.errorCount,
    affected,
    snapshots: snapshots.size,
    packs: packs.size,
    packsRead: data.packs,
    bytesRead: data.bytes,
  };
}

/** Both, also when one fails: nothing goes on behind the caller's back. */
async function allOf<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

async function listDoomed({ doomed, signal }: CheckOptions, onProblem: CheckListener) {
  try {
    return (await doomed?.list(signal)) ?? [];
  } catch (cause) {
    onProblem(error('file_unreadable', 'doomed packs', messageOf(cause)));
    return [];
  }
}

/** A pack that is gone is lost only if an index of now still names it: a prune may have been at work. */
async function reportVanished(
  repository: CheckedRepository,
  { index }: CheckedFiles,
  { vanished }: DataCheckResult,
  onProblem: CheckListener,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (vanished.length === 0) return;
  const current = new BlobIndex();
  await loadIndexes(repository, current, new Set(), signal);
  for (const id of vanished.filter((packId) => current.hasPack(packId))) {
    onProblem(error('pack_missing', `pack ${id}`, `Pack ${id} has vanished.`, index.pack(id)?.blobs()));
  }
}

class Findings {
  readonly kept: CheckProblem[] = [];
  /** Blobs that cannot be had where they were looked for. */
  readonly lost: SufferingBlob[] = [];
  count = 0;
  errorCount = 0;
  readonly #listener: CheckListener | undefined;

  constructor(listener: CheckListener | undefined) {
    this.#listener = listener;
  }

  add(problem: CheckProblem): void {
    this.count += 1;
    if (problem.severity === 'error') this.errorCount += 1;
    if (this.kept.length < MAX_KEPT_PROBLEMS) this.kept.push(problem);
    for (const { type, id } of problem.blobs ?? []) {
      if (this.lost.length < MAX_LOST_BLOBS) this.lost.push({ type, id });
    }
    this.#listener?.(problem);
  }
}

/** Enough to name all paths that are named at all. */
const MAX_LOST_BLOBS = 1_000_000;
