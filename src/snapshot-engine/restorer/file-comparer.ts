import type { RemoteService } from '../workers/worker-service.js';
import { ByteBudget } from './byte-budget.js';
import { throwIfCancelled } from '../errors/cancellation.js';
import type { Comparison } from './content-comparison.js';
import type { ContentResolver } from './file-content.js';
import { leastBusy } from '../workers/least-busy.js';
import { temporaryPathOf } from './restore-plan.js';
import type { Reuse, TargetTree } from './target-tree.js';
import type { WantedEntry } from './wanted-entry.js';

/** Calls under way for each thread: one that works, one that waits. */
const CALLS_PER_THREAD = 2;

/**
 * Compares files of the target with the snapshot, blob by blob, on worker threads: all of equal size for `content`;
 * for `status` those of several blobs whose size or time differ, of which parts may be the same. And what interrupted
 * restores have left of large files.
 */
export async function compareFiles(
  wanted: readonly WantedEntry[],
  target: TargetTree,
  content: ContentResolver,
  workers: readonly RemoteService[],
  verify: 'status' | 'content',
  signal?: AbortSignal,
): Promise<Map<string, Reuse>> {
  const reuse = new Map<string, Reuse>();
  const budget = new ByteBudget(workers.length * CALLS_PER_THREAD, workers.length * CALLS_PER_THREAD);
  const underWay: Promise<void>[] = [];
  for (const entry of wanted) {
    const sources = sourcesOf(entry, target, verify);
    if (sources.length === 0) continue;
    await budget.take(1);
    throwIfCancelled('restore', signal);
    const work = compareOne(entry, sources, content, workers, reuse).finally(() => budget.give(1));
    work.catch(() => undefined);
    underWay.push(work);
  }
  await Promise.all(underWay);
  return reuse;
}

function sourcesOf(entry: WantedEntry, target: TargetTree, verify: 'status' | 'content'): Reuse['from'][] {
  if (entry.type !== 'file' || entry.sizeBytes === 0) return [];
  const sources: Reuse['from'][] = [];
  const existing = target.entries.get(entry.path);
  if (existing?.type === 'file') {
    const sameSize = existing.sizeBytes === entry.sizeBytes;
    const differs = !sameSize || existing.mtimeNs !== entry.mtimeNs;
    const isLarge = entry.content.length > 1;
    if (verify === 'content' ? sameSize || isLarge : differs && isLarge) sources.push('target');
  }
  if (entry.content.length > 1 && target.temporary.has(temporaryPathOf(entry.path)))
    sources.push('temporary');
  return sources;
}

async function compareOne(
  entry: WantedEntry,
  sources: readonly Reuse['from'][],
  content: ContentResolver,
  workers: readonly RemoteService[],
  reuse: Map<string, Reuse>,
): Promise<void> {
  const resolved = content.resolve(entry);
  if (typeof resolved === 'string') return;
  const parts = resolved.map(({ blob, offset, lengthBytes }) => ({ id: blob.id, offset, lengthBytes }));
  let best = 0;
  for (const from of sources) {
    const comparison: Comparison = { path: entry.path, from, parts };
    const present = await leastBusy(workers).call<Uint8Array>('compare', comparison);
    const count = present.reduce((sum, each) => sum + each, 0);
    if (count <= best) continue;
    best = count;
    reuse.set(entry.path, { from, present });
    if (count === parts.length && from === 'target') return;
  }
}
