import { fileName } from '../../../src/snapshot-engine/index.js';
import { isStorageError } from '../../../src/storage-providers/storage-errors.js';
import { neededPacks, noteLosses, packsIn, type Story } from './story.js';

const PRUNES = 4;

/**
 * Forgets snapshots and clears packs up in the order of the engine's prune: survey, doom, rescue for late snapshots,
 * index files, deletion; without any grace period, which only makes it harder to lose something.
 */
export async function clearingLife(story: Story): Promise<void> {
  for (let prune = 1; prune <= PRUNES; prune += 1) {
    await pause(story);
    if (story.chance.happens(0.6)) await forgetOne(story);
    await clear(story, prune).catch((error: unknown) => {
      if (!isStorageError(error)) throw error;
    });
    await noteLosses(story, `after prune ${prune}`);
  }
  story.isOver = true;
}

/** Each phase is many requests. */
async function pause({ turns, chance }: Story): Promise<void> {
  for (let left = 1 + chance.below(8); left > 0; left -= 1) await turns.next();
}

/** As retention does: never the newest. */
async function forgetOne({ server, bucket, workspaceId, repositoryId, counts }: Story): Promise<void> {
  const [row] = await server.database.query<{ id: string; object_id: string }[]>(
    `SELECT id, encode(object_id, 'hex') AS object_id FROM snapshots
     WHERE workspace_id = $1 AND state = 'restorable' ORDER BY received_at, id LIMIT 1`,
    [workspaceId],
  );
  if (row === undefined) return;
  await server.database.query('DELETE FROM snapshots WHERE id = $1', [row.id]);
  await bucket.delete(`repositories/${repositoryId}/snapshots/${row.object_id}`);
  counts.forgotten += 1;
}

async function clear(story: Story, generation: number): Promise<void> {
  const { chance, counts, named } = story;
  const dooms = story.server.dooms.of(story.repositoryId);
  const needed = await neededPacks(story);
  const before = new Set((await dooms.list()).map(({ id }) => id));
  const unused = [...(await packsIn(story))].filter((id) => !needed.has(id) && !before.has(id));
  const namedAtStart = new Set(named);
  await pause(story);
  const rescued = [...before].filter((id) => needed.has(id));
  await rescue(story, rescued);
  const leaving = new Set(unused.filter(() => chance.happens(0.8)));
  await dooms.doom([...leaving].map((id) => ({ id, sinceMs: generation * 1_000, generation })));
  counts.doomed += leaving.size;
  if (chance.happens(0.1)) return;
  await pause(story);
  const late = await neededPacks(story);
  const waiting = new Set([...before].filter((id) => !rescued.includes(id)));
  const lateRescued = [...leaving, ...waiting].filter((id) => late.has(id));
  counts['rescued late'] += lateRescued.length;
  await rescue(story, lateRescued);
  await pause(story);
  for (const id of [...leaving, ...waiting]) if (!late.has(id)) named.delete(id);
  const due = [...waiting].filter((id) => !late.has(id) && !namedAtStart.has(id));
  await deletePacks(story, due);
}

async function rescue({ server, repositoryId, named }: Story, ids: readonly string[]): Promise<void> {
  for (const id of ids) named.add(id);
  if (ids.length > 0) await server.dooms.of(repositoryId).rescue(new Set(ids));
}

async function deletePacks(story: Story, ids: readonly string[]): Promise<void> {
  const { bucket, repositoryId, counts, server } = story;
  for (const id of ids) {
    await bucket.delete(`repositories/${repositoryId}/${fileName('pack', id)}`);
    counts.deleted += 1;
  }
  if (ids.length > 0) await server.dooms.of(repositoryId).forget(new Set(ids));
}
